import { AppError } from "@netbird-proxy/proto";
import type { FastifyRequest } from "fastify";
import type { App } from "./app-type.ts";

export const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;

type Item = Record<string, unknown>;
type Query = Record<string, string | string[] | undefined>;

/** What a list can be narrowed by, where its objects have it. Comparison is exact; names of hosts without regard to case. */
const filters: Record<string, (item: Item) => unknown[]> = {
  name: (item) => [item.name],
  domain: (item) => [lower(item.domain)],
  address: (item) => [lower(item.address)],
  type: (item) => [item.type],
  mode: (item) => [item.mode],
  kind: (item) => [item.kind],
  role: (item) => [item.role],
  email: (item) => [lower(item.email)],
  state: (item) => [item.state],
  enabled: (item) => [item.enabled],
  connected: (item) => [item.connected],
  validated: (item) => [item.validated],
  status: (item) => [item.status ?? (item.meta as Item | undefined)?.status],
  cluster: (item) => [lower(item.proxy_cluster ?? item.target_cluster)],
  target_id: (item) => listOf(item.targets).map((target) => target.target_id),
  group_id: (item) => listOf(item.groups).map((group) => group.id),
};

const withoutCase = new Set(["domain", "address", "email", "cluster"]);

/** Names of query parameters that narrow a list of these objects, for the document. */
export function filtersFor(properties: Record<string, unknown>): string[] {
  const has = (name: string) => name in properties;
  return Object.keys(filters).filter((name) => {
    if (name === "status") return has("status") || has("meta");
    if (name === "cluster") return has("proxy_cluster") || has("target_cluster");
    if (name === "target_id") return has("targets");
    if (name === "group_id") return has("groups");
    return has(name);
  });
}

/**
 * Filters and pages on every GET that answers with an array: `?limit=` and `?cursor=`, the next page in `Link`. The body
 * stays a bare array, and without these parameters it is what it was. Pages are in order of id, so that objects that
 * come and go between two requests are neither shown twice nor missed.
 */
export function addListExtras(app: App): void {
  app.addHook("preHandler", async (request) => {
    if (isList(request)) readPaging(request.query as Query);
  });
  app.addHook("preSerialization", async (request, reply, payload) => {
    if (!isList(request) || !Array.isArray(payload) || reply.statusCode !== 200) return payload;
    const query = request.query as Query;
    const items = narrow(payload as Item[], query, ownParameters(request));
    const paging = readPaging(query);
    if (!paging) return items;
    const rest = items
      .map((item) => ({ key: keyOf(item), item }))
      .filter(({ key }) => paging.after === undefined || key > paging.after)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const page = rest.slice(0, paging.limit);
    if (rest.length > page.length) {
      const next = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) {
        for (const one of [value].flat()) if (one !== undefined) next.append(name, one);
      }
      next.set("limit", String(paging.limit));
      next.set("cursor", Buffer.from(page.at(-1)!.key).toString("base64url"));
      reply.header("Link", `<${request.url.split("?")[0]}?${next}>; rel="next"`);
    }
    return page.map(({ item }) => item);
  });
}

/** Routes with pages of their own (access logs) declare their parameters. */
function isList(request: FastifyRequest): boolean {
  const { method, url } = request.routeOptions;
  return method === "GET" && url !== undefined && url.startsWith("/api/") && !url.startsWith("/api/events");
}

function readPaging(query: Query): { limit: number; after: string | undefined } | undefined {
  const { limit, cursor } = query;
  if (limit === undefined && cursor === undefined) return undefined;
  const size = limit === undefined ? DEFAULT_LIMIT : Number(limit);
  if (Array.isArray(limit) || limit === "" || !Number.isInteger(size) || size < 1 || size > MAX_LIMIT) {
    throw new AppError("request.invalid", `limit must be a whole number from 1 to ${MAX_LIMIT}`, {
      path: "limit",
    });
  }
  if (cursor === undefined) return { limit: size, after: undefined };
  const after = typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString("utf8") : "";
  if (after === "" || Buffer.from(after).toString("base64url") !== cursor) {
    throw new AppError("request.invalid", "cursor is none that this server gave out", {
      path: "cursor",
      hint: "Take it from the Link header of the page before, or leave it out.",
    });
  }
  return { limit: size, after };
}

/** A parameter that no object of the list has is passed over, as NetBird's server does with every unknown one. */
function narrow(items: Item[], query: Query, own: ReadonlySet<string>): Item[] {
  let result = items;
  for (const [name, read] of Object.entries(filters)) {
    const wanted = query[name];
    if (wanted === undefined || own.has(name)) continue;
    if (!items.some((item) => read(item).some((value) => value !== undefined))) continue;
    const values = new Set(
      [wanted].flat().map((value) => (withoutCase.has(name) ? value.toLowerCase() : value)),
    );
    result = result.filter((item) => read(item).some((value) => values.has(String(value))));
  }
  return result;
}

/** What the route itself does with a parameter stays as NetBird has it: `?name=` of peers finds parts of names. */
function ownParameters(request: FastifyRequest): ReadonlySet<string> {
  const schema = request.routeOptions.schema?.querystring as { properties?: object } | undefined;
  return new Set(Object.keys(schema?.properties ?? {}));
}

/** Free domains and clusters have no id that lasts. */
function keyOf(item: Item): string {
  return String(
    item.address !== undefined && item.online !== undefined ? item.address : item.id || item.domain,
  );
}

function lower(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : undefined;
}

function listOf(value: unknown): Item[] {
  return Array.isArray(value) ? (value as Item[]) : [];
}
