import type { management } from "@netbird-proxy/proto/grpc";
import type { AuthenticationResult, Authenticator, Credential } from "../access/authenticator.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";

const CALL_MS = 10_000;

/** Has the management server check credentials: the hashes never leave it. */
export class GrpcAuthenticator implements Authenticator {
  readonly #client: ManagementClient;
  readonly #log: Logger;

  constructor(client: ManagementClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  check(accountId: string, serviceId: string, credential: Credential): Promise<AuthenticationResult> {
    return new Promise((resolve) => {
      this.#client.proxyService.authenticate(
        { id: serviceId, accountId, request: requestFor(credential) },
        this.#client.metadata,
        { deadline: Date.now() + CALL_MS },
        (error, response) => {
          if (error !== null) {
            this.#log.warn({ serviceId, code: error.code, reason: error.details }, "credential not checked");
            resolve({ ok: false, why: "unavailable" });
          } else if (response.success && response.sessionToken !== "") {
            resolve({ ok: true, sessionToken: response.sessionToken });
          } else {
            resolve({ ok: false, why: "wrong" });
          }
        },
      );
    });
  }
}

function requestFor(credential: Credential): management.AuthenticateRequest["request"] {
  switch (credential.kind) {
    case "password":
      return { $case: "password", value: { password: credential.password } };
    case "pin":
      return { $case: "pin", value: { pin: credential.pin } };
    case "header":
      return { $case: "headerAuth", value: { headerName: credential.name, headerValue: credential.value } };
  }
}
