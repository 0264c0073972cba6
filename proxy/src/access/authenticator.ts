/** A credential that a visitor presents for a service. */
export type Credential =
  | { kind: "password"; password: string }
  | { kind: "pin"; pin: string }
  | { kind: "header"; name: string; value: string };

export type AuthenticationResult =
  | { ok: true; sessionToken: string }
  /** Checked and refused. `attemptsLeft`: undefined with a server that does not count. */
  | { ok: false; why: "wrong"; attemptsLeft: number | undefined }
  /** Not looked at: there were too many wrong ones, on whatever proxy. */
  | { ok: false; why: "limited"; waitSeconds: number }
  /** Could not be checked. */
  | { ok: false; why: "unavailable" };

/** Which service somebody signs in to. */
export interface SignInTarget {
  readonly accountId: string;
  readonly serviceId: string;
  readonly domain: string;
}

export type SignInStart =
  /** `bound`: the visitor comes back with a code for {@link Authenticator.redeem}, otherwise with a session. */
  { ok: true; url: string; bound: boolean } | { ok: false; why: "unavailable" };

export type Redemption =
  | { ok: true; sessionToken: string; returnUrl: string }
  | { ok: false; why: "refused"; refusal: string }
  | { ok: false; why: "unknown" | "unavailable" };

export type RedeemedLink =
  | { ok: true; sessionToken: string; path: string; lastsSeconds: number }
  /** `invalid`: unknown, withdrawn, expired or used up. */
  | { ok: false; why: "invalid" | "unavailable" };

export type Standing =
  /** Groups as they are now; names, ids where a name is missing. */
  | { kind: "valid"; user: string; groups: readonly string[] }
  | { kind: "denied"; reason: string }
  | { kind: "unavailable" };

/** Asks management who may sign in. */
export interface Authenticator {
  /** @param address the visitor's */
  check(target: SignInTarget, credential: Credential, address: string): Promise<AuthenticationResult>;
  /** Where a visitor signs in. @param browserHash SHA-256 of a secret that only this browser has */
  begin(target: SignInTarget, returnUrl: string, browserHash: Buffer): Promise<SignInStart>;
  /** Exchanges what a visitor came back with. */
  redeem(target: SignInTarget, code: string, browserSecret: Buffer): Promise<Redemption>;
  /** Exchanges the secret of a share link; counts as one use of it. */
  redeemShareLink(target: SignInTarget, secret: string): Promise<RedeemedLink>;
  /** Whether a session of single sign-on still stands for somebody who may use the service. */
  standing(domain: string, sessionToken: string): Promise<Standing>;
  /** Ends a session on every proxy. @returns false when management did not take note */
  end(target: SignInTarget, sessionToken: string): Promise<boolean>;
}
