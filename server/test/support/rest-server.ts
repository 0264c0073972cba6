import type { AccountId, ProxyId, ProxyTokenId } from "@netbird-proxy/proto";
import type { ErrorBody } from "@netbird-proxy/proto/rest";
import { pino } from "pino";
import type { TSchema } from "typebox";
import { Errors } from "typebox/value";
import type { CommandContext } from "../../src/commands/context.ts";
import type { DnsLookup } from "../../src/dns/dns-lookup.ts";
import { DEFAULT_PORT_RANGE } from "../../src/domain/listen-port.ts";
import type { App } from "../../src/http/app-type.ts";
import { buildHttpApp } from "../../src/http/build-http-app.ts";
import type { TokenRateLimit } from "../../src/http/limit-tokens.ts";
import type { HttpPorts } from "../../src/http/ports.ts";
import { createIdentity, type ExternalProvider } from "../../src/identity/identity.ts";
import { createHashGate } from "../../src/secrets/hash-gate.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { type Proxy as ProxyRow, saveProxy } from "../../src/store/proxies.ts";

import { makeDatabase, tableNames } from "./database.ts";

export const CLUSTER = "eu.example.net";
export const PUBLIC_URL = "https://netbird.example.com";

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes
type Anything = any;

export interface Answer<T = Anything> {
  status: number;
  body: T;
  text: string;
  headers: Record<string, unknown>;
}

/** Runs the real HTTP app over a real database. Only the clock and DNS are ours. */
export interface RestServer {
  readonly app: App;
  readonly store: Store;
  readonly context: CommandContext;
  readonly folder: string;
  /** A file, or the URL of a PostgreSQL database. */
  readonly database: string;
  /** CNAME records; a name that maps to an Error fails. */
  readonly records: Map<string, string | Error>;
  /** A and AAAA records; a name that maps to an Error fails. */
  readonly addresses: Map<string, string[] | Error>;
  /** TXT records. */
  readonly texts: Map<string, string[]>;
  /** What answers with these records. */
  readonly dns: DnsLookup;
  nowMs: number;
  /** The owner's, after {@link setUp}. */
  token: string;
  account: AccountId;
  call<T = Anything>(
    method: string,
    path: string,
    body?: unknown,
    token?: string | null,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  setUp(): Promise<void>;
  connectProxy(change?: Partial<ProxyRow>): Promise<void>;
  close(): Promise<void>;
}

export interface RestServerOptions {
  /** Undefined: the embedded identity provider. */
  external?: ExternalProvider;
  tokenRateLimit?: TokenRateLimit;
  /** Another server on the database of this one. */
  beside?: RestServer;
  /** Of the command context. */
  context?: Partial<CommandContext>;
}

export async function startRestServer({
  external,
  tokenRateLimit,
  beside,
  context: change = {},
}: RestServerOptions = {}): Promise<RestServer> {
  const { database, folder, drop } = beside ? { ...beside, drop: async () => {} } : await makeDatabase();
  const store = await openStore({ database, encryptionKey: new Uint8Array(32).fill(1) });
  const records = new Map<string, string | Error>();
  const addresses = new Map<string, string[] | Error>();
  const texts = new Map<string, string[]>();
  const dns: DnsLookup = {
    async resolveCname(name) {
      const record = records.get(name.toLowerCase());
      if (record instanceof Error) throw record;
      return record === undefined ? [] : [record];
    },
    async resolveAddresses(name) {
      const found = addresses.get(name.toLowerCase());
      if (found instanceof Error) throw found;
      return found ?? [];
    },
    resolveTxt: async (name) => texts.get(name.toLowerCase()) ?? [],
    resolveCaa: async () => [],
  };
  const context: CommandContext = {
    store,
    nowMs: () => server.nowMs,
    random: (below) => Math.floor(Math.random() * below),
    portRange: DEFAULT_PORT_RANGE,
    auditEventsEnabled: true,
    ...change,
  };
  const ports: HttpPorts = {
    context,
    dns,
    probe: { ask: async () => undefined },
    log: pino({ level: "silent" }),
    version: "1.2.3",
    setupTokenEnabled: true,
    browsers: { tls: true, corsOrigins: ["https://dashboard.example.com"] },
    identity: createIdentity({
      store,
      nowMs: () => server.nowMs,
      publicUrl: () => PUBLIC_URL,
      dashboardOrigins: ["https://dashboard.example.com"],
      external,
    }),
    hashGate: createHashGate({ running: 4, waiting: 100 }),
    trustedProxies: ["192.0.2.1"],
    tokenRateLimit,
  };
  const app = await buildHttpApp(ports);
  const server: RestServer = {
    app,
    store,
    context,
    folder,
    database,
    records,
    addresses,
    texts,
    dns,
    nowMs: Date.parse("2026-08-22T19:07:31.120Z"),
    token: "",
    account: "" as AccountId,
    async call(method, path, body, token = server.token, headers = {}) {
      const response = await app.inject({
        method: method as "GET",
        url: `/api${path}`,
        headers: {
          ...headers,
          ...(token ? { authorization: `Token ${token}` } : {}),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const isJson = String(response.headers["content-type"]).startsWith("application/json");
      return {
        status: response.statusCode,
        body: isJson && response.body !== "" ? JSON.parse(response.body) : undefined,
        text: response.body,
        headers: response.headers,
      };
    },
    async setUp() {
      const { status, body, text } = await server.call("POST", "/setup", {
        email: "owner@example.com",
        name: "Owner",
        password: "correct horse",
        create_pat: true,
        pat_expire_in: 30,
      });
      if (status !== 200) throw new Error(text);
      server.token = body.personal_access_token;
      server.account = (await store.db("accounts").first("id")).id;
    },
    async connectProxy(change = {}) {
      await saveProxy(store.db, {
        id: "proxy-1" as ProxyId,
        accountId: null,
        tokenId: "token" as ProxyTokenId,
        cluster: CLUSTER,
        sessionId: "session",
        version: "1.2.3",
        ip: "192.0.2.7",
        connected: true,
        connectedAt: server.nowMs,
        lastSeen: server.nowMs,
        capabilities: { supportsCustomPorts: true, requireSubdomain: false },
        acme: null,
        appliedRevision: 0,
        wireguardEndpoint: "proxy.example.net:51820",
        websocketEndpoint: "",
        publicHttpsPort: 8443,
        ...change,
      });
    },
    async close() {
      await app.close();
      await store.close();
      await drop();
    },
  };
  return server;
}

/** @throws Error naming every place where `value` is not what the contract says */
export function assertConforms(schema: TSchema, value: unknown): void {
  const errors = Errors(schema, value);
  if (errors.length > 0) {
    throw new Error(
      errors.map(({ instancePath, message }) => `${instancePath} ${message}`).join("\n") +
        `\n${JSON.stringify(value, null, 1)}`,
    );
  }
}

/** Every row that a refused request could have left behind. */
export async function contents(store: Store): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const table of await tableNames(store.db)) {
    // `last_used` of the token that asks is not what the request is about, and counting refusals is.
    const aside = table === "personal_access_tokens" || table === "failure_budgets";
    rows[table] = aside ? [] : await store.db(table);
  }
  return rows;
}

/** The parts of a refusal that are contract. */
export function refusal({ status, body }: Answer<ErrorBody>) {
  return { status, code: body?.error?.code, path: body?.error?.path };
}
