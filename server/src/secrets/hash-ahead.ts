import { AsyncLocalStorage } from "node:async_hooks";
import { hashSecret } from "./password-hash.ts";

const ahead = new AsyncLocalStorage<Map<string, string[]>>();

/**
 * Hashes secrets before `body` starts, which opens a transaction: argon2 takes tens of milliseconds, and SQLite has one
 * writer. {@link hashOnce} then hands them out, each once, so that two places never share a salt.
 */
export async function withHashesOf<T>(secrets: readonly string[], body: () => Promise<T>): Promise<T> {
  // Inside another one, whose secrets these are.
  if (secrets.length === 0 || ahead.getStore()) return body();
  const hashes = new Map<string, string[]>();
  for (const secret of secrets) {
    const hash = await hashSecret(secret);
    hashes.set(secret, [...(hashes.get(secret) ?? []), hash]);
  }
  return ahead.run(hashes, body);
}

/** A hash that was made ahead, or a new one. */
export async function hashOnce(secret: string): Promise<string> {
  return ahead.getStore()?.get(secret)?.pop() ?? hashSecret(secret);
}

/** The secrets of services in a request of any shape: strings named so below a member `auth`. */
export function secretsOf(body: unknown, belowAuth = false): string[] {
  if (Array.isArray(body)) return body.flatMap((item) => secretsOf(item, belowAuth));
  if (body === null || typeof body !== "object") return [];
  return Object.entries(body).flatMap(([key, value]) => {
    if (typeof value !== "string") return secretsOf(value, belowAuth || key === "auth");
    return belowAuth && value !== "" && secretNames.has(key) ? [value] : [];
  });
}

const secretNames = new Set(["password", "pin", "value"]);
