import { createHash } from "node:crypto";
import type { StoredAuth } from "../store/services.ts";

export type SessionMethod = "password" | "pin" | "header" | "oidc";

export const sessionMethods: readonly SessionMethod[] = ["password", "pin", "header", "oidc"];

/**
 * What a visitor's session depends on besides its signature: it carries the tag of its method, proxies know the current one,
 * and a session with another is over. The tag changes with the secret of the method, and for every method when somebody
 * ends all sessions of the service. It tells nothing: behind it are salted hashes.
 */
export function sessionTag(
  { auth, sessionEpoch }: { auth: StoredAuth; sessionEpoch: number },
  method: SessionMethod,
): string {
  const text = JSON.stringify([sessionEpoch, method, secretsOf(auth, method)]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** The tags of the methods that a service asks for; there are no sessions of any other. */
export function sessionTags(service: { auth: StoredAuth; sessionEpoch: number }): Record<string, string> {
  const { password, pin, bearer, headers = [] } = service.auth;
  const enabled: Record<SessionMethod, boolean> = {
    password: password?.enabled ?? false,
    pin: pin?.enabled ?? false,
    header: headers.some((entry) => entry.enabled),
    oidc: bearer?.enabled ?? false,
  };
  return Object.fromEntries(
    sessionMethods.filter((method) => enabled[method]).map((method) => [method, sessionTag(service, method)]),
  );
}

function secretsOf({ password, pin, headers = [] }: StoredAuth, method: SessionMethod): string[] {
  switch (method) {
    case "password":
      return [password?.hash ?? ""];
    case "pin":
      return [pin?.hash ?? ""];
    case "header":
      return headers.filter(({ enabled }) => enabled).map(({ hash }) => hash);
    case "oidc":
      return [];
  }
}
