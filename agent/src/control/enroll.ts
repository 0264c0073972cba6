import { Metadata } from "@grpc/grpc-js";
import type { agent } from "@netbird-proxy/proto/grpc";
import type { ManagementAddress } from "../config.ts";
import type { Membership } from "../state/identity.ts";
import { managementClient } from "./management-client.ts";
import { type Failure, readFailure } from "./server-answer.ts";

const ENROLL_TIMEOUT_MS = 15_000;

export type Enrolled =
  | { ok: true; membership: Membership; address: string; addressV6: string }
  | { ok: false; failure: Failure };

/** One attempt to join. Calling it again with the same public key gives the same peer and a new token. */
export async function enroll(
  management: ManagementAddress,
  request: agent.EnrollRequest,
  signal: AbortSignal,
): Promise<Enrolled> {
  const client = managementClient(management);
  try {
    return await new Promise<Enrolled>((resolve) => {
      const deadline = Date.now() + ENROLL_TIMEOUT_MS;
      const call = client.enroll(request, new Metadata(), { deadline }, (error, response) => {
        signal.removeEventListener("abort", cancel);
        if (error) return resolve({ ok: false, failure: readFailure(error) });
        const { peerId, token, address, addressV6 } = response;
        if (peerId === "" || token === "")
          return resolve({
            ok: false,
            failure: { kind: "unreachable", message: "the server's answer has no peer id or no token" },
          });
        resolve({ ok: true, membership: { peerId, token }, address, addressV6 });
      });
      const cancel = () => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
    });
  } finally {
    client.close();
  }
}
