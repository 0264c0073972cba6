import { createHash } from "node:crypto";
import { projectOnto } from "./project-onto.ts";

/**
 * Under this key a view may hold everything that users can change about it, also what they never see, such as the hashes
 * of secrets. Symbols are not serialised, so it stays inside.
 */
export const hiddenState: unique symbol = Symbol("hidden state");

/** The body schemas of PUT by the pattern of the collection, such as `/api/groups`. */
export type PutSchemas = Map<string, unknown>;

// What time, traffic and proxies change about objects that have no PUT.
const volatile = new Set([
  "last_used",
  "validated",
  "validation",
  "connected_proxies",
  "supports_custom_ports",
  "supports_crowdsec",
  "supports_private",
  "require_subdomain",
  "online",
]);

/** `/api/groups/:id` and `/api/groups` are both of the collection `/api/groups`. */
export function collectionOf(pattern: string): string {
  return pattern.replace(/\/:[^/]+$/, "");
}

/**
 * The first half of an ETag: what users can change about the object, so that a peer that connects or a certificate that
 * is renewed does not make somebody's `If-Match` fail. Empty lists and absent ones count as the same.
 */
export function stateTag(schemas: PutSchemas, collection: string, object: object): string {
  const { id, [hiddenState]: hidden } = object as { id?: unknown; [hiddenState]?: unknown };
  if (hidden !== undefined) return digest(JSON.stringify([id, hidden]));
  const schema = schemas.get(collection);
  const visible = schema
    ? projectOnto(schema, object)
    : Object.fromEntries(Object.entries(object).filter(([key]) => !volatile.has(key)));
  return digest(JSON.stringify([id, withoutEmpty(visible)]));
}

/** The second half: the bytes of the answer. */
export function viewTag(text: string): string {
  return digest(text);
}

/** `"<state>.<view>"`: If-Match compares the first half, If-None-Match the whole. */
export function joinTags(state: string, view: string): string {
  return `"${state}.${view}"`;
}

/** @param header `*` or a list of ETags; a bare state half, quoted, matches too */
export function matchesState(header: string, state: string): boolean {
  if (header.trim() === "*") return true;
  return listed(header).some((tag) => tag.split(".")[0] === state);
}

export function matchesWhole(header: string, etag: string): boolean {
  return header.trim() === "*" || listed(header).some((tag) => `"${tag}"` === etag);
}

function listed(header: string): string[] {
  return [...header.matchAll(/"([^"]*)"/g)].map((match) => match[1]!);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

function withoutEmpty(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(withoutEmpty);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, withoutEmpty(member)] as const)
      .filter(([, member]) => !isEmpty(member)),
  );
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === "object" && Object.keys(value as object).length === 0)
  );
}
