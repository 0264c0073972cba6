import type { ServiceError } from "@grpc/grpc-js";
import type { control, management } from "@netbird-proxy/proto/grpc";
import type {
  AuthenticationResult,
  Authenticator,
  Credential,
  RedeemedLink,
  Redemption,
  SignInStart,
  SignInTarget,
  Standing,
} from "../access/authenticator.ts";
import { groupNames } from "../access/session.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";

const CALL_MS = 10_000;
/** A request may be waiting. */
const CHECK_MS = 3_000;

/** Has the management server check credentials: the hashes never leave it. */
export class GrpcAuthenticator implements Authenticator {
  readonly #client: ManagementClient;
  readonly #log: Logger;

  constructor(client: ManagementClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  async check(
    target: SignInTarget,
    credential: Credential,
    clientAddress: string,
  ): Promise<AuthenticationResult> {
    const { accountId, serviceId: id } = target;
    const request = { id, accountId, request: requestFor(credential), clientAddress };
    const response = await this.#ask<management.AuthenticateResponse>(
      target,
      "credential not checked",
      (done) =>
        this.#client.proxyService.authenticate(
          request,
          this.#client.metadata,
          { deadline: Date.now() + CALL_MS },
          done,
        ),
    );
    if (response === undefined) return { ok: false, why: "unavailable" };
    const { success, sessionToken, attemptsLeft, retryAfterSeconds } = response;
    if (success && sessionToken !== "") return { ok: true, sessionToken };
    if (retryAfterSeconds > 0) return { ok: false, why: "limited", waitSeconds: retryAfterSeconds };
    return { ok: false, why: "wrong", attemptsLeft };
  }

  async begin(target: SignInTarget, redirectUrl: string, browserHash: Buffer): Promise<SignInStart> {
    const { accountId, serviceId: id } = target;
    const response = await this.#ask<management.GetOIDCURLResponse>(target, "sign-in not begun", (done) =>
      this.#client.proxyService.getOidcurl(
        { id, accountId, redirectUrl, browserHash },
        this.#client.metadata,
        { deadline: Date.now() + CALL_MS },
        done,
      ),
    );
    if (response === undefined || !/^https?:\/\//.test(response.url))
      return { ok: false, why: "unavailable" };
    return { ok: true, url: response.url, bound: response.bound };
  }

  async redeem(target: SignInTarget, code: string, browserSecret: Buffer): Promise<Redemption> {
    const { accountId, domain } = target;
    const response = await this.#ask<control.RedeemSignInResponse>(target, "sign-in not completed", (done) =>
      this.#client.proxyControl.redeemSignIn(
        { accountId, domain, code, browserSecret },
        this.#client.metadata,
        { deadline: Date.now() + CALL_MS },
        done,
      ),
    );
    if (response === undefined) return { ok: false, why: "unavailable" };
    const { sessionToken, refusal, returnUrl } = response;
    if (sessionToken !== "") return { ok: true, sessionToken, returnUrl };
    return refusal === "" ? { ok: false, why: "unknown" } : { ok: false, why: "refused", refusal };
  }

  async redeemShareLink(target: SignInTarget, secret: string): Promise<RedeemedLink> {
    const { accountId, serviceId } = target;
    const response = await this.#ask<control.RedeemShareLinkResponse>(
      target,
      "share link not redeemed",
      (done) =>
        this.#client.proxyControl.redeemShareLink(
          { accountId, serviceId, secret },
          this.#client.metadata,
          { deadline: Date.now() + CALL_MS },
          done,
        ),
    );
    if (response === undefined) return { ok: false, why: "unavailable" };
    const { sessionToken, path, expiresAt } = response;
    if (sessionToken === "") return { ok: false, why: "invalid" };
    return {
      ok: true,
      sessionToken,
      path,
      lastsSeconds: Math.max(0, Number(expiresAt) - Math.floor(Date.now() / 1000)),
    };
  }

  async standing(domain: string, sessionToken: string): Promise<Standing> {
    const response = await this.#ask<management.ValidateSessionResponse>(
      { domain },
      "session not checked",
      (done) =>
        this.#client.proxyService.validateSession(
          { domain, sessionToken },
          this.#client.metadata,
          { deadline: Date.now() + CHECK_MS },
          done,
        ),
    );
    if (response === undefined) return { kind: "unavailable" };
    if (!response.valid) return { kind: "denied", reason: response.deniedReason };
    const groups = groupNames(response.peerGroupIds, response.peerGroupNames);
    return { kind: "valid", user: response.userEmail, groups };
  }

  async end(target: SignInTarget, sessionToken: string): Promise<boolean> {
    const { domain } = target;
    const response = await this.#ask<control.EndSessionResponse>(target, "session ended here only", (done) =>
      this.#client.proxyControl.endSession(
        { domain, sessionToken },
        this.#client.metadata,
        { deadline: Date.now() + CHECK_MS },
        done,
      ),
    );
    return response !== undefined;
  }

  /** @returns undefined when management did not answer, which is in the log then */
  #ask<T>(
    about: Partial<SignInTarget>,
    problem: string,
    call: (done: (error: ServiceError | null, response: T) => void) => void,
  ): Promise<T | undefined> {
    return new Promise((resolve) => {
      call((error, response) => {
        if (error === null) resolve(response);
        else {
          const { serviceId, domain } = about;
          this.#log.warn({ serviceId, domain, code: error.code, reason: error.details }, problem);
          resolve(undefined);
        }
      });
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
