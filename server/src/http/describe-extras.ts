import { filtersFor, MAX_LIMIT } from "./list-extras.ts";

type Json = Record<string, unknown>;
type Method = "get" | "post" | "put" | "patch" | "delete";

interface Operation {
  summary?: string;
  operationId?: string;
  parameters?: Json[];
  requestBody?: { content: Json };
  responses: Record<string, Json & { headers?: Json; content?: Record<string, { schema: Json }> }>;
  security?: unknown[];
}

interface Document {
  paths: Record<string, Partial<Record<Method, Operation>>>;
  components: { schemas: Record<string, Json>; responses?: Json; headers?: Json };
}

// What the objects of a collection are called, by its last fixed part.
const nouns: Record<string, [one: string, many: string]> = {
  accounts: ["account", "accounts"],
  users: ["user", "users"],
  invites: ["invitation", "invitations"],
  tokens: ["personal access token", "personal access tokens"],
  groups: ["group", "groups"],
  "setup-keys": ["setup key", "setup keys"],
  peers: ["peer", "peers"],
  policies: ["policy", "policies"],
  networks: ["network", "networks"],
  resources: ["network resource", "network resources"],
  routers: ["network router", "network routers"],
  services: ["service", "services"],
  targets: ["target of a service", "targets of a service"],
  clusters: ["cluster", "clusters"],
  domains: ["domain", "domains"],
  certificates: ["certificate", "certificates"],
  "dns-credentials": ["set of DNS credentials", "sets of DNS credentials"],
  "share-links": ["share link of a service", "share links of a service"],
  "proxy-tokens": ["proxy token", "proxy tokens"],
};

const special: Record<string, string> = {
  "get /api/instance": "Say whether the server is set up, and what it can do",
  "get /api/instance/version": "Say which version the server is",
  "post /api/setup": "Make the first account and its owner",
  "get /api/users/current": "Read the caller's own user",
  "post /api/users/{id}/approve": "Let a user in who waits for approval",
  "delete /api/users/{id}/reject": "Turn a user away who waits for approval",
  "put /api/users/{id}/password": "Change the caller's own password",
  "post /api/users/{id}/invite": "Invite a user again",
  "post /api/users/invites/{id}/regenerate": "Make a new link for an invitation",
  "post /api/users/invites/{id}/accept": "Accept an invitation",
  "get /api/peers/{id}/accessible-peers": "List the peers that a peer reaches",
  "get /api/peers/{id}/wireguard-config": "Read a device's wg-quick file",
  "get /api/networks/resources": "List network resources of all networks",
  "get /api/networks/routers": "List network routers of all networks",
  "get /api/reverse-proxies/services/{id}/status": "Read what every proxy and target of a service does",
  "get /api/reverse-proxies/services/{id}/diagnose": "Check a service step by step",
  "get /api/reverse-proxies/domains/{id}/validate": "Start a look at a domain's CNAME record",
  "post /api/batch": "Carry out many writes, all or none",
  "get /api/events": "List audit events",
  "get /api/events/audit": "List audit events",
  "get /api/events/proxy": "List access logs",
  "get /api/events/proxy/export": "Export access logs as JSON lines",
  "get /api/events/audit/export": "Export audit events as JSON lines",
};

const verbs: Record<Method, string> = {
  get: "Read",
  post: "Create",
  put: "Replace",
  patch: "Change parts of",
  delete: "Delete",
};

/**
 * Writes into the document what every route has without saying so itself: a summary, the parameters of dry runs,
 * preconditions, idempotency and pages, the headers of answers, and the statuses of refusals.
 */
export function describeExtras(document: unknown): unknown {
  const { paths, components } = document as Document;
  components.headers = headers;
  components.responses = Object.fromEntries(
    refusals.map(([status, description]) => [status, refusal(description)]),
  );
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations) as [Method, Operation][]) {
      operation.summary ??= summaryOf(method, path);
      operation.operationId ??= operationIdOf(method, path);
      addParameters(method, path, operation, components.schemas, paths);
      addAnswers(method, path, operation);
      const content = operation.requestBody?.content;
      if (method === "patch" && content)
        content["application/merge-patch+json"] = content["application/json"];
    }
  }
  return document;
}

function summaryOf(method: Method, path: string): string {
  const known = special[`${method} ${path}`];
  if (known !== undefined) return known;
  const parts = path.split("/").filter((part) => part !== "");
  const one = isOne(path);
  const fixed = parts.filter((part) => !part.startsWith("{")).at(-1)!;
  const noun = nouns[fixed];
  if (!noun) return `${verbs[method]} ${parts.slice(1).join(" ")}`;
  if (!one && method === "get") return `List ${noun[1]}`;
  return `${verbs[method]} ${/^[aeiou](?!ser)/.test(noun[0]) ? "an" : "a"} ${noun[0]}`;
}

function operationIdOf(method: Method, path: string): string {
  const words = path
    .replace("/api/", "")
    .split(/[/-]/)
    .map((part) => (part.startsWith("{") ? `by-${part.slice(1, -1)}` : part))
    .flatMap((part) => part.split("-"));
  return [method, ...words].map((word, index) => (index === 0 ? word : capital(word))).join("");
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function isOne(path: string): boolean {
  return path.endsWith("}");
}

function addParameters(
  method: Method,
  path: string,
  operation: Operation,
  schemas: Record<string, Json>,
  paths: Document["paths"],
): void {
  operation.parameters ??= [];
  const parameters = operation.parameters;
  const add = (place: "query" | "header", name: string, schema: Json, description: string) => {
    if (parameters.some((one) => one.name === name && one.in === place)) return;
    parameters.push({ in: place, name, required: false, schema, description });
  };
  if (method === "get") {
    add("header", "If-None-Match", text, "An ETag; 304 when the answer would be the same.");
    const item = itemOf(operation, schemas);
    if (!item || path.startsWith("/api/events")) return;
    const limit = { type: "integer", minimum: 1, maximum: MAX_LIMIT };
    add("query", "limit", limit, "Answer with at most so many, in order of id; Link names the next page.");
    add("query", "cursor", text, "Taken from Link of the page before.");
    for (const name of filtersFor(item)) {
      add("query", name, text, "Only those that have exactly this; may be given more than once.");
    }
    return;
  }
  add(
    "query",
    "dry_run",
    { enum: ["true", "false"] },
    "true: check everything, answer with the result, keep nothing.",
  );
  if (method === "post") {
    if (operation.security?.length === 0) return;
    add(
      "header",
      "Idempotency-Key",
      text,
      "The same key with the same request answers the same, for 24 hours.",
    );
    return;
  }
  const readable = paths[path]?.get ?? paths[path.slice(0, path.lastIndexOf("/"))]?.get;
  if (isOne(path) && readable) {
    add("header", "If-Match", text, "An ETag; 412 when the object is not what it was any more.");
  }
}

/** The members of a list's objects; undefined when the answer is no list. */
function itemOf(operation: Operation, schemas: Record<string, Json>): Json | undefined {
  const schema = operation.responses["200"]?.content?.["application/json"]?.schema as
    | { items?: { $ref?: string; properties?: Json }; anyOf?: { items?: { $ref?: string } }[] }
    | undefined;
  const items = schema?.items ?? schema?.anyOf?.find((one) => one.items)?.items;
  if (!items) return undefined;
  const named = items.$ref === undefined ? items : schemas[items.$ref.split("/").at(-1)!];
  return (named as { properties?: Json } | undefined)?.properties ?? {};
}

const refusals: readonly [
  status: string,
  description: string,
  applies: (method: Method, path: string) => boolean,
][] = [
  ["400", "The request cannot be read.", (method) => method !== "get"],
  ["401", "There is no valid token.", () => true],
  ["403", "The caller may not do this.", () => true],
  ["404", "There is no such object.", (_method, path) => path.includes("{")],
  ["409", "Something else has the name, path or port already.", (method) => method !== "get"],
  ["412", "The object has changed since, or something it needs is missing.", (method) => method !== "get"],
  ["413", "The body is too large.", (method) => method !== "get" && method !== "delete"],
  ["422", "A field is wrong; error.path names it.", () => true],
  ["500", "The server failed; its log has the cause under error.request_id.", () => true],
];

const text = { type: "string" };
const headers: Json = {
  "X-Request-Id": { schema: text, description: "Under which the server's log has the request." },
  ETag: { schema: text, description: "For If-Match and If-None-Match." },
  Link: { schema: text, description: 'rel="next": the next page.' },
  "Idempotency-Replayed": { schema: text, description: "true: a kept answer." },
};

function refusal(description: string): Json {
  return {
    description,
    headers: headersOf("X-Request-Id"),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
}

function headersOf(...names: string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function addAnswers(method: Method, path: string, { responses, security }: Operation): void {
  const needsToken = security?.length !== 0;
  delete responses["4xx"];
  delete responses["4XX"];
  for (const [status, answer] of Object.entries(responses)) {
    answer.headers = { ...answer.headers, ...headersOf("X-Request-Id") };
    if (status !== "200") continue;
    if (method !== "delete") Object.assign(answer.headers, headersOf("ETag"));
    if (method === "get" && !isOne(path)) Object.assign(answer.headers, headersOf("Link"));
    if (method === "post" && needsToken) Object.assign(answer.headers, headersOf("Idempotency-Replayed"));
  }
  if (method === "get" && responses["200"]) {
    responses["304"] ??= { description: "The answer is the one that If-None-Match names." };
  }
  for (const [status, _description, applies] of refusals) {
    if (!applies(method, path) || (!needsToken && status === "401")) continue;
    responses[status] ??= { $ref: `#/components/responses/${status}` };
  }
}
