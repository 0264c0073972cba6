import { Metadata, type ServiceError } from "@grpc/grpc-js";
import type { agent } from "@netbird-proxy/proto/grpc";
import type { ManagementAddress } from "../config.ts";
import { managementClient } from "./management-client.ts";
import { type Failure, readFailure } from "./server-answer.ts";

/** The server answers the hello with a state; one that never does is as good as down. */
const FIRST_STATE_TIMEOUT_MS = 15_000;

export interface SyncOptions {
  management: ManagementAddress;
  token: string;
  hello: agent.AgentHello;
  /** Called for every state; each replaces the one before. */
  onState(state: agent.AgentState): void;
}

/** One Sync stream, from the hello to its end. */
export interface SyncStream {
  report(report: agent.AgentReport): void;
  close(): void;
  /** Resolves once, with why the stream ended. */
  readonly ended: Promise<Failure>;
}

export function openSync({ management, token, hello, onState }: SyncOptions): SyncStream {
  const client = managementClient(management);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const call = client.sync(metadata);
  let open = true;
  let silent = false;

  const ended = new Promise<Failure>((resolve) => {
    const end = (failure: Failure) => {
      if (!open) return;
      open = false;
      clearTimeout(firstState);
      resolve(failure);
      client.close();
    };
    const firstState = setTimeout(() => {
      silent = true;
      call.cancel();
    }, FIRST_STATE_TIMEOUT_MS);
    call.on("data", (state: agent.AgentState) => {
      clearTimeout(firstState);
      if (open) onState(state);
    });
    call.on("error", (error: ServiceError) =>
      end(
        silent
          ? { kind: "unreachable", message: `no state within ${FIRST_STATE_TIMEOUT_MS / 1000} s` }
          : readFailure(error),
      ),
    );
    call.on("end", () => end({ kind: "unreachable", message: "the server ended the stream" }));
  });
  call.write({ msg: { $case: "hello", value: hello } });

  return {
    report(report) {
      if (open) call.write({ msg: { $case: "report", value: report } });
    },
    close() {
      call.cancel();
      client.close();
    },
    ended,
  };
}
