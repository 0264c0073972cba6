/** A credential that a visitor presents for a service. */
export type Credential =
  | { kind: "password"; password: string }
  | { kind: "pin"; pin: string }
  | { kind: "header"; name: string; value: string };

export type AuthenticationResult =
  | { ok: true; sessionToken: string }
  /** `wrong`: checked and refused. `unavailable`: could not be checked. */
  | { ok: false; why: "wrong" | "unavailable" };

/** Asks management whether a credential is right. */
export interface Authenticator {
  check(accountId: string, serviceId: string, credential: Credential): Promise<AuthenticationResult>;
}
