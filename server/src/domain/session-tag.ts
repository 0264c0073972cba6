import { createHash } from "node:crypto";
import type { StoredAuth, StoredGrants } from "../store/services.ts";

export type SessionMethod = "password" | "pin" | "header" | "oidc" | "link";

/** Those whose sessions have one tag per service. */
export const sessionMethods = ["password", "pin", "header", "oidc"] as const;
export type TaggedMethod = (typeof sessionMethods)[number];

/**
 * What a visitor's session depends on besides its signature: it carries the tag of its method, proxies know the current one,
 * and a session with another is over. The tag changes with the secret of the method, and for every method when somebody
 * ends all sessions of the service. It tells nothing: behind it are salted hashes.
 */
interface TaggedService {
  auth: StoredAuth;
  grants: Pick<StoredGrants, "links">;
  sessionEpoch: number;
}

export function sessionTag(
  { auth, sessionEpoch }: { auth: StoredAuth; sessionEpoch: number },
  method: TaggedMethod,
): string {
  const text = JSON.stringify([sessionEpoch, method, secretsOf(auth, method)]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** Sessions from a share link are tied to that link: they are over when it is withdrawn. */
export function linkSessionTag({ sessionEpoch }: { sessionEpoch: number }, link: { hash: string }): string {
  const text = JSON.stringify([sessionEpoch, "link", link.hash]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/**
 * The tags of the methods that a service asks for, those of share links as `link:<id>`; there are no sessions of any other.
 */
export function sessionTags(service: TaggedService): Record<string, string> {
  const { password, pin, bearer, headers = [], shareLink } = service.auth;
  const enabled: Record<TaggedMethod, boolean> = {
    password: password?.enabled ?? false,
    pin: pin?.enabled ?? false,
    header: headers.some((entry) => entry.enabled),
    oidc: bearer?.enabled ?? false,
  };
  const links = shareLink?.enabled ? service.grants.links : [];
  return Object.fromEntries([
    ...sessionMethods
      .filter((method) => enabled[method])
      .map((method) => [method, sessionTag(service, method)]),
    ...links.map((link) => [`link:${link.id}`, linkSessionTag(service, link)]),
  ]);
}

function secretsOf({ password, pin, headers = [] }: StoredAuth, method: TaggedMethod): string[] {
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
