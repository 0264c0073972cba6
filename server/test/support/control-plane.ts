import { createServer, type Server as HttpServer } from "node:http";
import type { Readable } from "node:stream";
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import { agent, control, management } from "@netbird-proxy/proto/grpc";
import type { ServiceRequest } from "@netbird-proxy/proto/rest";
import { pino } from "pino";
import type { Actor, CommandContext } from "../../src/commands/context.ts";
import { createProxyToken } from "../../src/commands/proxy-tokens.ts";
import { createService } from "../../src/commands/services.ts";
import { setUp } from "../../src/commands/set-up.ts";
import { type ChallengeDns, createChallengeDns } from "../../src/dns/challenge/challenge-dns.ts";
import { DEFAULT_PORT_RANGE } from "../../src/domain/listen-port.ts";
import { createGrpcServer, type GrpcApi } from "../../src/grpc/index.ts";
import { createIdentity } from "../../src/identity/identity.ts";
import { listenOnOnePort, type OnePort } from "../../src/net/listen-on-one-port.ts";
import { type Reconciler, startReconciler } from "../../src/reconcile/index.ts";
import { newWireguardKeyPair } from "../../src/secrets/wireguard-key.ts";
import { listAccounts } from "../../src/store/accounts.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import type { StoredService } from "../../src/store/services.ts";

import { makeDatabase, type TestDatabase } from "./database.ts";

export const CLUSTER = "eu.example.net";

/** The real database, reconciler and gRPC server on loopback. Only the clock may be moved. */
export interface ControlPlane {
  challengeDns: ChallengeDns;
  database: TestDatabase;
  store: Store;
  context: CommandContext;
  reconciler: Reconciler;
  account: AccountId;
  actor: Actor;
  target: string;
  /** Added to the real time. */
  clock: { aheadMs: number };
  /** Of the account, or global when `account` is null. */
  token(account?: AccountId | null): Promise<string>;
  service(name: string, change?: Partial<ServiceRequest>): Promise<StoredService>;
  /** Ends the gRPC server and starts another one on the same database. */
  restart(): Promise<void>;
  /** Called at the end of the test, last first. */
  cleanUps: (() => void)[];
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  pollMs?: number;
  heartbeatMs?: number;
  /** `address[:port]` of the DNS that challenges are written into; none: the system's. */
  dnsServers?: readonly string[];
  /** Another server on the same database; `undefined` makes a new one with an account. */
  beside?: ControlPlane;
}

export async function startControlPlane({
  pollMs = 1_000,
  heartbeatMs,
  dnsServers = [],
  beside,
}: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const database = beside?.database ?? (await makeDatabase());
  const store = await openStore({
    database: database.database,
    encryptionKey: new Uint8Array(32).fill(3),
  });
  const clock = { aheadMs: 0 };
  const context: CommandContext = {
    store,
    nowMs: () => Date.now() + clock.aheadMs,
    random: (below) => Math.floor(Math.random() * below),
    portRange: DEFAULT_PORT_RANGE,
    auditEventsEnabled: true,
  };
  if (!beside) await setUp(context, { email: "owner@example.com", name: "Owner", password: "correct horse" });
  const [row] = await listAccounts(store.db);
  const account = row!.id;
  const actor: Actor = { account, id: "owner", name: "Owner", email: "owner@example.com" };
  const log = pino({ level: process.env.TEST_LOG_LEVEL ?? "silent" });

  const challengeDns = createChallengeDns(store.secrets, dnsServers);
  let reconciler!: Reconciler;
  let grpc!: GrpcApi;
  let http!: HttpServer;
  let port!: OnePort;
  async function start(): Promise<void> {
    reconciler = await startReconciler({ context, log, pollMs });
    grpc = createGrpcServer({
      context,
      identity: createIdentity({
        store,
        nowMs: context.nowMs,
        publicUrl: () => "https://netbird.example.com",
        dashboardOrigins: [],
        external: undefined,
      }),
      reconciler,
      log,
      heartbeatMs,
      challengeDns,
      countryOf: (address) => (address === "203.0.113.9" ? "NL" : ""),
    });
    http = createServer();
    const taken = port === undefined ? 0 : port.address.port;
    port = await listenOnOnePort({
      host: "127.0.0.1",
      port: taken,
      grpcServer: grpc.server,
      httpServer: http,
      closeGraceMs: 100,
    });
  }
  async function stop(): Promise<void> {
    await grpc.close();
    await port.close();
    await reconciler.close();
  }
  await start();

  const plane: ControlPlane = {
    challengeDns,
    database,
    store,
    context,
    get reconciler() {
      return reconciler;
    },
    account,
    actor,
    get target() {
      return `127.0.0.1:${port.address.port}`;
    },
    clock,
    async token(of = account) {
      const owner = of === null ? null : { ...actor, account: of };
      return (await createProxyToken(context, owner, { name: "proxy", expiresInSeconds: 0 })).plain;
    },
    service: (name, change = {}) => createService(context, actor, serviceRequest(name, change)),
    async restart() {
      await stop();
      await start();
    },
    cleanUps: [],
    async close() {
      for (const cleanUp of plane.cleanUps.splice(0).reverse()) cleanUp();
      await stop();
      await store.close();
      if (!beside) await database.drop();
    },
  };
  return plane;
}

/** An enabled http service under {@link CLUSTER} with one direct target. */
export function serviceRequest(name: string, change: Partial<ServiceRequest> = {}): ServiceRequest {
  return {
    name,
    domain: `${name}.${CLUSTER}`,
    enabled: true,
    public: true,
    targets: [directTarget()],
    ...change,
  };
}

export function directTarget(change: Partial<ServiceRequest["targets"][number]> = {}) {
  return {
    target_id: CLUSTER,
    target_type: "cluster" as const,
    protocol: "http",
    host: "127.0.0.1",
    port: 8080,
    enabled: true,
    options: { direct_upstream: true },
    ...change,
  };
}

export function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

const CHANNEL = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };

/** Clients of all three services on one connection. */
export function clientsOf(plane: ControlPlane) {
  const insecure = credentials.createInsecure();
  const proxyService = new management.ProxyServiceClient(plane.target, insecure, CHANNEL);
  // One channel: a stock proxy has one connection for everything.
  const shared = { ...CHANNEL, channelOverride: proxyService.getChannel() };
  const proxyControl = new control.ProxyControlClient(plane.target, insecure, shared);
  const agentService = new agent.AgentServiceClient(plane.target, insecure, shared);
  plane.cleanUps.push(() => proxyService.close());
  return { proxyService, proxyControl, agentService };
}

/** Turns a unary call into a promise. */
export function answer<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) =>
    call((error, response) => (error ? reject(error) : resolve(response))),
  );
}

/** Messages of a stream in order, and how it ended. */
export class Inbox<Message> {
  readonly messages: Message[] = [];
  ended: ServiceError | "ok" | undefined;
  #waiting: (() => void)[] = [];

  constructor(call: Readable) {
    call.on("data", (message: Message) => this.#note(() => this.messages.push(message)));
    call.on("error", (error: ServiceError) =>
      this.#note(() => {
        this.ended ??= error;
      }),
    );
    call.on("end", () =>
      this.#note(() => {
        this.ended ??= "ok";
      }),
    );
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The next message, removed from the inbox. */
  async next(timeoutMs = 5_000): Promise<Message> {
    await this.#until(() => this.messages.length > 0 || this.ended !== undefined, timeoutMs);
    const message = this.messages.shift();
    if (message === undefined) throw this.ended === "ok" ? new Error("the stream ended") : this.ended;
    return message;
  }

  /** Waits for the end. */
  async end(timeoutMs = 5_000): Promise<ServiceError | "ok"> {
    await this.#until(() => this.ended !== undefined, timeoutMs);
    return this.ended!;
  }

  /** Waits until a message fulfils the condition, dropping those before it. */
  async find(condition: (message: Message) => boolean, timeoutMs = 5_000): Promise<Message> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const message = await this.next(Math.max(1, deadline - Date.now()));
      if (condition(message)) return message;
    }
  }

  async #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`nothing came within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

const { UPDATE_TYPE_REMOVED } = management.ProxyMappingUpdateType;

export interface ScriptedProxyOptions {
  token: string;
  proxyId?: string;
  address?: string;
  capabilities?: management.ProxyCapabilities;
  /** Undefined: a stock proxy, which knows nothing of revisions. */
  resume?: { epoch: string; revision: number };
  /** Answers every message; off, the test does it. */
  acks?: boolean;
  clients?: ReturnType<typeof clientsOf>;
}

/** A proxy that applies what it is told and remembers it. */
export interface ScriptedProxy {
  clients: ReturnType<typeof clientsOf>;
  inbox: Inbox<management.SyncMappingsResponse>;
  /** Every message so far, in order. */
  received: management.SyncMappingsResponse[];
  /** What it serves, by service id. */
  held: Map<string, management.ProxyMapping>;
  ack(ack?: Partial<management.SyncMappingsAck>): void;
  /** Resolves when the start of the stream is complete. */
  synced(): Promise<void>;
  /** Resolves when what is held fulfils the condition. */
  until(condition: (held: ReadonlyMap<string, management.ProxyMapping>) => boolean): Promise<void>;
  /** Where it would resume. */
  resumePoint(): { epoch: string; revision: number };
  cancel(): void;
  metadata: Metadata;
}

export const ALL_CAPABILITIES: management.ProxyCapabilities = {
  supportsCustomPorts: true,
  requireSubdomain: false,
  supportsCrowdsec: false,
  private: false,
  supportsPrivateService: true,
  supportsAccessRules: true,
};

export function connectScriptedProxy(
  plane: ControlPlane,
  {
    token,
    proxyId = "proxy-1",
    address = CLUSTER,
    capabilities = ALL_CAPABILITIES,
    resume,
    acks = true,
    clients = clientsOf(plane),
  }: ScriptedProxyOptions,
): ScriptedProxy {
  const metadata = bearer(token);
  const call = clients.proxyService.syncMappings(metadata);
  call.on("error", () => {});
  const held = new Map<string, management.ProxyMapping>();
  const received: management.SyncMappingsResponse[] = [];
  const ours = resume !== undefined;
  let point = resume ?? { epoch: "", revision: 0 };
  let complete = false;
  let snapshot = new Set<string>();
  call.on("data", (message: management.SyncMappingsResponse) => {
    received.push(message);
    for (const mapping of message.mapping) {
      snapshot.add(mapping.id);
      if (mapping.type === UPDATE_TYPE_REMOVED) held.delete(mapping.id);
      else held.set(mapping.id, mapping);
    }
    if (message.initialSyncComplete) {
      complete = true;
      if (!message.delta) for (const id of [...held.keys()]) if (!snapshot.has(id)) held.delete(id);
      snapshot = new Set();
    }
    if (message.revision > 0n) point = { epoch: message.epoch, revision: Number(message.revision) };
    if (acks) proxy.ack(ours ? { appliedRevision: message.revision } : {});
  });
  const proxy: ScriptedProxy = {
    clients,
    inbox: new Inbox(call),
    received,
    held,
    metadata,
    ack: (ack = {}) =>
      call.write({
        msg: { $case: "ack", value: { appliedRevision: 0n, rejections: [], ...ack } },
      }),
    synced: () => waitUntil(() => complete || undefined, proxy.inbox),
    until: (condition) => waitUntil(() => condition(held) || undefined, proxy.inbox),
    resumePoint: () => point,
    cancel: () => call.cancel(),
  };
  plane.cleanUps.push(() => call.cancel());
  call.write({
    msg: {
      $case: "init",
      value: {
        proxyId,
        version: "test",
        startedAt: undefined,
        address,
        capabilities,
        resume: resume && { epoch: resume.epoch, revision: BigInt(resume.revision) },
        publicHttpsPort: 0,
      },
    },
  });
  return proxy;
}

async function waitUntil(condition: () => unknown, inbox: Inbox<unknown>, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (inbox.ended !== undefined) throw inbox.ended === "ok" ? new Error("the stream ended") : inbox.ended;
    if (Date.now() > deadline) throw new Error(`it did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A proxy's tunnel stream. */
export function openTunnels(
  plane: ControlPlane,
  {
    token,
    proxyId = "proxy-1",
    address = CLUSTER,
    endpoint = "proxy.example.net:51820",
  }: { token: string; proxyId?: string; address?: string; endpoint?: string },
) {
  const call = clientsOf(plane).proxyControl.syncTunnel(bearer(token));
  call.on("error", () => {});
  plane.cleanUps.push(() => call.cancel());
  const hello = { proxyId, address, wireguardEndpoint: endpoint, websocketEndpoint: "" };
  call.write({ msg: { $case: "hello", value: hello } });
  return {
    inbox: new Inbox<control.TunnelState>(call),
    announce: (accountId: string, publicKey: string) =>
      call.write({ msg: { $case: "account", value: { accountId, publicKey } } }),
    leave: (accountId: string) => call.write({ msg: { $case: "leaveAccountId", value: accountId } }),
    cancel: () => call.cancel(),
  };
}

/** Waits for something that is seen from outside only, such as a row. */
export async function eventually<T>(
  read: () => Promise<T | undefined | false>,
  timeoutMs = 5_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`it did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const newKey = () => newWireguardKeyPair().publicKey;

export type { ServiceId };

/** Copies a service's rows, because making thousands by command takes long. @returns the ids */
export async function copyService(
  { store: { db } }: ControlPlane,
  id: string,
  count: number,
): Promise<string[]> {
  const service = await db("services").where({ id }).first();
  const targets = await db("service_targets").where({ service_id: id });
  const rows = Array.from({ length: count }, (_, n) => {
    const domain = `copy-${n}.${CLUSTER}`;
    return { ...service, id: `copy-${n}`, domain, domain_key: domain };
  });
  await db.batchInsert("services", rows, 200);
  await db.batchInsert(
    "service_targets",
    rows.flatMap((row) => targets.map((target) => ({ ...target, service_id: row.id }))),
    200,
  );
  return rows.map((row) => row.id);
}
