import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An object of the API, in its JSON form. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the API holds
export type Json = Record<string, any>;

interface Fault {
  method: string;
  path: RegExp;
  status: number;
  headers: Record<string, string>;
  body: string;
  times: number;
  /** Does what was asked and then answers with the fault. */
  after: boolean;
  /** Cuts the connection instead of answering. */
  cut: boolean;
}

export interface ManagementServerOptions {
  /** False behaves like NetBird's own server: no dry run, no revisions, no fields of ours. */
  readonly ours?: boolean;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly path: string;

  constructor(status: number, code: string, message: string, path = "") {
    super(message);
    this.status = status;
    this.code = code;
    this.path = path;
  }
}

const ZERO_TIME = "0001-01-01T00:00:00Z";
export const TOKEN = "nbp_test";
export const CLUSTER = "proxy.example.test";

/**
 * The part of the management API that the provider uses, by the rules of the REST reference, in memory. Every request
 * is recorded, faults can be injected, and the stored objects can be changed behind the provider's back.
 */
export class ManagementServer {
  readonly groups = new Map<string, Json>();
  readonly setupKeys = new Map<string, Json>();
  readonly services = new Map<string, Json>();
  readonly secrets = new Map<string, Json>();
  readonly domains = new Map<string, Json>();
  readonly peers = new Map<string, Json>();
  readonly clusters: Json[] = [
    {
      id: "proxy-1",
      address: CLUSTER,
      type: "shared",
      online: true,
      connected_proxies: 1,
      supports_custom_ports: true,
    },
  ];
  readonly requests: { method: string; path: string; body: Json | undefined; headers: Json }[] = [];
  /** How many reads a service stays pending after it was written; Infinity for ever. */
  readsUntilLive = 0;
  /** How long every write takes to be answered, in milliseconds. */
  writeDelayMs = 0;
  /** The reason a service gives while it is not live. */
  reason: Json = {
    code: "target.unreachable",
    message: "the target refused the connection",
    hint: "start it",
  };

  readonly #ours: boolean;
  readonly #server: Server;
  #faults: Fault[] = [];
  #nextId = 1;
  #revision = 1;

  constructor(options: ManagementServerOptions = {}) {
    this.#ours = options.ours ?? true;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.addPeer("web", "100.64.0.10");
    this.addPeer("api", "100.64.0.11");
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Answers the next `times` matching requests with a failure. `path` is matched below /api, with its query. */
  fault(
    method: string,
    path: RegExp,
    fault: Partial<Omit<Fault, "method" | "path">> & { status?: number },
  ): void {
    this.#faults.push({
      method,
      path,
      status: 500,
      headers: {},
      body: JSON.stringify({ message: "injected failure", code: fault.status ?? 500 }),
      times: 1,
      after: false,
      cut: false,
      ...fault,
    });
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** Requests so far that match, as `METHOD path`. */
  seen(pattern: RegExp): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line));
  }

  addPeer(name: string, ip: string): string {
    const id = this.#id();
    this.peers.set(id, {
      id,
      name,
      ip,
      connection_ip: "203.0.113.7",
      connected: true,
      last_seen: "2026-01-02T03:04:05Z",
      os: "linux",
      kernel_version: "6.1",
      geoname_id: 0,
      version: "0.1.0",
      groups: null,
      ssh_enabled: false,
      hostname: name,
      user_id: "",
      ui_version: "",
      dns_label: `${name}.netbird.test`,
      extra_dns_labels: [],
      login_expiration_enabled: false,
      login_expired: false,
      last_login: ZERO_TIME,
      inactivity_expiration_enabled: false,
      approval_required: false,
      country_code: "",
      city_name: "",
      serial_number: "",
      created_at: "2026-01-02T03:04:05Z",
      ephemeral: false,
      kind: "agent",
      public_key: "",
    });
    return id;
  }

  peerId(name: string): string {
    return [...this.peers.values()].find((peer) => peer.name === name)!.id;
  }

  /** The only object of a collection. */
  only(collection: Map<string, Json>): Json {
    if (collection.size !== 1) throw new Error(`${collection.size} objects, expected one`);
    return [...collection.values()][0]!;
  }

  /** As the API makes them: the time in seconds first, 20 digits in base 32. */
  #id(): string {
    const seconds = Math.floor(Date.now() / 1000);
    return (seconds * 8).toString(32).padStart(7, "0") + (this.#nextId++).toString(32).padStart(13, "0");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const body = text === "" ? undefined : (JSON.parse(text) as Json);
    const url = new URL(request.url!, "http://localhost");
    const path = url.pathname.replace(/^\/api/, "") + url.search;
    const method = request.method!;
    this.requests.push({ method, path, body, headers: request.headers });

    const fault = this.#faults.find((one) => one.times > 0 && one.method === method && one.path.test(path));
    if (fault !== undefined) {
      fault.times -= 1;
      if (fault.after) this.#attempt(method, url, body);
      if (fault.cut) return void request.socket.destroy();
      response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
      return void response.end(fault.body);
    }

    if (path !== "/instance" && request.headers.authorization !== `Token ${TOKEN}`) {
      response.writeHead(401, { "content-type": "application/json" });
      return void response.end(JSON.stringify({ message: "token invalid", code: 401 }));
    }
    const { status, value, headers } = this.#attempt(method, url, body);
    if (method !== "GET") await new Promise((resolve) => setTimeout(resolve, this.writeDelayMs));
    response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", ...headers });
    response.end(value === undefined ? "" : `${JSON.stringify(value)}\n`);
  }

  #attempt(
    method: string,
    url: URL,
    body: Json | undefined,
  ): { status: number; value: unknown; headers: Json } {
    const dryRun = this.#ours && url.searchParams.get("dry_run") === "true";
    const headers = dryRun ? { "netbird-dry-run": "supported" } : {};
    const path = url.pathname.replace(/^\/api/, "");
    const kept = [this.groups, this.setupKeys, this.domains].map(
      (objects) => [objects, structuredClone([...objects])] as const,
    );
    try {
      const value = this.#route(method, path, url.searchParams, structuredClone(body), dryRun);
      return { status: 200, value: value === undefined ? {} : value, headers };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const ours = this.#ours
        ? { error: { code: error.code, path: error.path, hint: "Hint of the server." } }
        : {};
      return {
        status: error.status,
        value: { message: error.message, code: error.status, ...ours },
        headers,
      };
    } finally {
      if (dryRun)
        for (const [objects, before] of kept) {
          objects.clear();
          for (const [id, object] of before) objects.set(id, object);
        }
    }
  }

  #route(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Json | undefined,
    dryRun: boolean,
  ): unknown {
    const [, collection, ...rest] = path.split("/");
    const id = decodeURIComponent(rest.at(-1) ?? "");
    switch (
      `${method} ${path.replace(/\/[^/]+$/, (last) => (rest.length > (collection === "reverse-proxies" ? 1 : 0) ? "/:id" : last))}`
    ) {
      case "GET /instance":
        return this.#ours
          ? { setup_required: false, version: "0.1.0", features: ["dry_run", "revisions"] }
          : { setup_required: false };
      case "GET /peers":
        return [...this.peers.values()];
      case "GET /peers/:id":
        return found(this.peers, id, "peer");
      case "GET /groups": {
        const all = [...this.groups.values()];
        const name = query.get("name");
        return name === null ? all : all.filter((group) => group.name === name);
      }
      case "GET /groups/:id":
        return found(this.groups, id, "group");
      // The only list below networks that is asked for: what kind of resource an id of a group is.
      case "GET /networks/:id":
        return [{ id: "resource1", type: "host" }];
      case "POST /groups":
        return this.#saveGroup(undefined, body!);
      case "PUT /groups/:id":
        return this.#saveGroup(id, body!);
      case "DELETE /groups/:id":
        if (!this.groups.delete(id)) throw new Refusal(400, "group.not_found", `group ${id} not found`);
        return {};
      case "GET /setup-keys":
        return [...this.setupKeys.values()].map(masked);
      case "GET /setup-keys/:id":
        return masked(found(this.setupKeys, id, "setup key"));
      case "POST /setup-keys":
        return this.#createSetupKey(body!);
      case "PUT /setup-keys/:id": {
        const key = found(this.setupKeys, id, "setup key");
        if (key.revoked && !body!.revoked)
          throw new Refusal(422, "setup_key.invalid", "cannot un-revoke a setup key");
        Object.assign(key, { auto_groups: body!.auto_groups, revoked: body!.revoked });
        if (key.revoked) Object.assign(key, { state: "revoked", valid: false });
        return masked(key);
      }
      case "DELETE /setup-keys/:id":
        found(this.setupKeys, id, "setup key");
        this.setupKeys.delete(id);
        return {};
      case "GET /reverse-proxies/clusters":
        return this.clusters;
      case "GET /reverse-proxies/domains":
        return [
          ...this.clusters.map(({ address }) => ({ id: "", domain: address, type: "free", validated: true })),
          ...this.domains.values(),
        ];
      case "POST /reverse-proxies/domains": {
        if (!this.clusters.some(({ address }) => address === body!.target_cluster))
          throw new Refusal(412, "domain.cluster_unavailable", "cluster is not available", "target_cluster");
        if ([...this.domains.values()].some(({ domain }) => domain === body!.domain))
          throw new Refusal(409, "domain.taken", "domain is registered already", "domain");
        const domain = { id: this.#id(), ...body, type: "custom", validated: false };
        this.domains.set(domain.id, domain);
        return domain;
      }
      case "DELETE /reverse-proxies/domains/:id":
        found(this.domains, id, "domain");
        this.domains.delete(id);
        return {};
      case "GET /reverse-proxies/domains/:id/:id":
        return {};
      case "GET /reverse-proxies/services":
        return [...this.services.values()].map((service) => this.#shown(service));
      case "GET /reverse-proxies/services/:id": {
        const service = found(this.services, id, "service");
        if (service.pending_reads > 0) service.pending_reads -= 1;
        return this.#shown(service);
      }
      case "POST /reverse-proxies/services":
        return this.#saveService(undefined, body!, dryRun);
      case "PUT /reverse-proxies/services/:id":
        return this.#saveService(id, body!, dryRun);
      case "DELETE /reverse-proxies/services/:id":
        found(this.services, id, "service");
        this.services.delete(id);
        this.secrets.delete(id);
        return {};
    }
    if (/^\/reverse-proxies\/domains\/[^/]+\/validate$/.test(path)) {
      const domain = this.domains.get(rest.at(-2)!);
      if (domain !== undefined) domain.validated = true;
      return undefined;
    }
    throw new Refusal(404, "request.not_found", `no route for ${method} ${path}`);
  }

  #saveGroup(id: string | undefined, body: Json): Json {
    if (id !== undefined) found(this.groups, id, "group");
    if (!body.name) throw new Refusal(422, "group.invalid", "name must not be empty", "name");
    if (id === undefined && [...this.groups.values()].some(({ name }) => name === body.name))
      throw new Refusal(409, "group.name_taken", `group with name ${body.name} already exists`, "name");
    const peers = ((body.peers ?? []) as string[]).filter((peer) => this.peers.has(peer));
    const resources = body.resources ?? [];
    const group = {
      id: id ?? this.#id(),
      name: body.name,
      issued: "api",
      peers_count: peers.length,
      resources_count: resources.length,
      peers:
        peers.length === 0 ? null : peers.map((peer) => ({ id: peer, name: this.peers.get(peer)!.name })),
      resources: resources.length === 0 ? null : resources,
    };
    this.groups.set(group.id, group);
    return group;
  }

  #createSetupKey(body: Json): Json {
    if (body.type === "one-off" && body.usage_limit > 1)
      throw new Refusal(422, "setup_key.invalid", "a one-off key is used once", "usage_limit");
    const key = {
      id: this.#id(),
      key: "A616097E-FCF0-48FA-9354-CA4A61142761",
      name: body.name,
      expires:
        body.expires_in === 0 ? ZERO_TIME : new Date(Date.now() + body.expires_in * 1000).toISOString(),
      type: body.type,
      valid: true,
      revoked: false,
      used_times: 0,
      last_used: ZERO_TIME,
      state: "valid",
      auto_groups: body.auto_groups,
      updated_at: "2026-01-02T03:04:05Z",
      usage_limit: body.type === "one-off" ? 1 : body.usage_limit,
      ephemeral: body.ephemeral ?? false,
      allow_extra_dns_labels: body.allow_extra_dns_labels ?? false,
    };
    this.setupKeys.set(key.id, key);
    return key;
  }

  #saveService(id: string | undefined, body: Json, dryRun: boolean): Json {
    const previous = id === undefined ? undefined : found(this.services, id, "service");
    const mode = body.mode || "http";
    if (previous !== undefined && previous.mode !== mode)
      throw new Refusal(422, "service.mode_immutable", "mode cannot be changed", "mode");
    const cluster = this.#clusterOf(body.domain);
    (body.targets as Json[]).forEach((target, index) => {
      if (target.target_type === "peer" && !this.peers.has(target.target_id))
        throw new Refusal(
          422,
          "service.target_not_found",
          `peer ${target.target_id} not found`,
          `targets[${index}].target_id`,
        );
    });
    if ([...this.services.values()].some((other) => other.domain === body.domain && other.id !== id))
      throw new Refusal(409, "service.domain_taken", `domain ${body.domain} is already in use`, "domain");

    const stored = { ...(this.secrets.get(id ?? "") ?? {}) };
    const auth: Json = {};
    if (body.auth?.password_auth) {
      if (body.auth.password_auth.password) stored.password = body.auth.password_auth.password;
      auth.password_auth = { enabled: body.auth.password_auth.enabled, password: "" };
    } else delete stored.password;
    if (body.auth?.pin_auth) {
      if (body.auth.pin_auth.pin) stored.pin = body.auth.pin_auth.pin;
      auth.pin_auth = { enabled: body.auth.pin_auth.enabled, pin: "" };
    } else delete stored.pin;
    if (body.auth?.bearer_auth) {
      const groups = body.auth.bearer_auth.distribution_groups ?? [];
      auth.bearer_auth = { enabled: true, distribution_groups: groups.length === 0 ? null : groups };
    }
    if (body.auth?.header_auths?.length > 0) {
      auth.header_auths = body.auth.header_auths.map((one: Json) => {
        const key = `header:${one.header.toLowerCase()}`;
        if (one.value) stored[key] = one.value;
        if (!stored[key])
          throw new Refusal(
            422,
            "service.secret_missing",
            `header ${one.header} has no value`,
            "auth.header_auths",
          );
        return { enabled: true, header: one.header, value: "" };
      });
    }

    for (const name of ["session_length", "session_idle_time"]) {
      const hours = /^(\d+)h$/.exec(body.auth?.[name] ?? "")?.[1];
      if (body.auth?.[name]) auth[name] = hours === undefined ? body.auth[name] : `${hours}h0m0s`;
    }
    if (body.auth?.identity_token) auth.identity_token = true;

    const service: Json = {
      id: id ?? this.#id(),
      name: body.name,
      domain: body.domain,
      mode,
      listen_port:
        body.listen_port || previous?.listen_port || (mode === "tcp" || mode === "udp" ? 12_345 : 0),
      port_auto_assigned: mode !== "http" && !body.listen_port,
      proxy_cluster: cluster,
      enabled: body.enabled ?? false,
      terminated: false,
      private: body.private ?? false,
      pass_host_header: body.pass_host_header ?? false,
      rewrite_redirects: body.rewrite_redirects ?? false,
      auth,
      targets: body.targets.map((target: Json) => ({
        ...target,
        host: target.target_type === "peer" ? this.peers.get(target.target_id)!.ip : (target.host ?? ""),
        enabled: mode === "http" ? (target.enabled ?? false) : true,
        options: withCanonicalDurations(target.options ?? {}),
      })),
      access_restrictions: withoutEmpty(body.access_restrictions ?? {}),
      ...(body.access_rules?.length > 0 ? { access_rules: body.access_rules } : {}),
      access_groups: body.access_groups?.length > 0 ? body.access_groups : undefined,
      public: body.public ?? false,
      created_at: previous?.created_at ?? new Date().toISOString(),
      revision: this.#revision + 1,
      pending_reads: this.readsUntilLive,
    };
    if (!dryRun) {
      this.#revision += 1;
      this.services.set(service.id, service);
      this.secrets.set(service.id, stored);
    }
    return this.#shown(service);
  }

  /** The cluster of a domain: a free suffix first, then the longest custom domain. */
  #clusterOf(domain: string): string {
    const under = (suffix: string) => domain === suffix || domain.endsWith(`.${suffix}`);
    const free = this.clusters.find(({ address }) => under(address));
    if (free !== undefined) return free.address;
    const custom = [...this.domains.values()]
      .filter((one) => under(one.domain))
      .sort((a, b) => b.domain.length - a.domain.length)[0];
    if (custom === undefined)
      throw new Refusal(412, "service.no_cluster", `no cluster serves ${domain}`, "domain");
    return custom.target_cluster;
  }

  #shown(service: Json): Json {
    const { created_at, revision, pending_reads, ...rest } = service;
    const live = pending_reads === 0;
    const status = live ? "active" : "pending";
    if (rest.access_restrictions === undefined) delete rest.access_restrictions;
    if (rest.access_groups === undefined) delete rest.access_groups;
    if (!this.#ours) {
      delete rest.public;
      return { ...rest, meta: { created_at, status } };
    }
    return {
      ...rest,
      url:
        rest.mode === "http" ? `https://${rest.domain}` : `${rest.mode}://${rest.domain}:${rest.listen_port}`,
      warnings: [],
      meta: {
        created_at,
        status,
        revision,
        live_revision: live ? revision : revision - 1,
        ...(live ? {} : { status_reason: this.reason }),
        live_on: live ? ["proxy-1"] : [],
        ...(live ? { certificate: { source: "acme", expires_at: "2027-01-01T00:00:00Z" } } : {}),
      },
    };
  }
}

function found(collection: Map<string, Json>, id: string, what: string): Json {
  const one = collection.get(id);
  if (one === undefined) throw new Refusal(404, `${what}.not_found`, `${what} ${id} not found`);
  return one;
}

function masked(key: Json): Json {
  return { ...key, key: `${key.key.slice(0, 5)}****` };
}

function withoutEmpty(object: Json): Json | undefined {
  const entries = Object.entries(object).filter(
    ([, value]) => value && (!Array.isArray(value) || value.length > 0),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Only what is set, durations as Go prints them. */
function withCanonicalDurations(options: Json): Json {
  const shown = withoutEmpty(options) ?? {};
  for (const name of ["request_timeout", "session_idle_timeout"]) {
    const seconds = /^(\d+)s$/.exec(shown[name] ?? "")?.[1];
    if (seconds !== undefined && Number(seconds) >= 60)
      shown[name] = `${Math.floor(Number(seconds) / 60)}m${Number(seconds) % 60}s`;
  }
  return shown;
}
