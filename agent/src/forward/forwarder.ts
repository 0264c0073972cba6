import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { agent } from "@netbird-proxy/proto/grpc";
import type {
  IncomingConnection,
  IncomingFlow,
  TunnelDatagramSocket,
  TunnelSocket,
} from "@netbird-proxy/tunnel";
import type { Logger } from "../log.ts";
import { chooseTarget, compileRoutes, type RouteTable, type Target } from "./choose-target.ts";
import { connectTcp, type NotConnected } from "./connect-tcp.ts";
import { type AccessRequest, type CompiledRule, compileRules, decideAccess } from "./decide-access.ts";
import { type Flow, forwardFlow } from "./forward-flow.ts";
import { type Pipe, pipeStreams } from "./pipe-streams.ts";
import { type Lookup, NameResolver } from "./resolve-name.ts";
import { ThrottledLog } from "./throttled-log.ts";

/** Services on this host are reached over loopback, the IPv4 address first. */
const ownHost = ["127.0.0.1", "::1"];

/**
 * How the proxy hears of a target that does not take a connection. A silent target stays silent: the proxy's own time-out then
 * says so, while an "unreachable" would send people to look at networks and routes.
 */
const refusals = {
  refused: "refused",
  timeout: "drop",
  unreachable: "unreachable",
  local: "unreachable",
} as const satisfies Record<NotConnected["why"], "refused" | "unreachable" | "drop">;

export interface ForwarderOptions {
  log: Logger;
  lookup: Lookup;
  nowMs: () => number;
  /** TCP connections at one time, those still being made included. */
  maxConnections?: number;
  maxFlows?: number;
  connectTimeoutMs?: number;
  flowIdleTimeoutMs?: number;
}

/** What of an AgentState concerns forwarding. */
export type ForwardingState = Pick<agent.AgentState, "address" | "addressV6" | "routes" | "rules">;

type Reachable = Exclude<Target, { kind: "none" }>;

interface Live {
  request: AccessRequest;
  target: Reachable;
  reset(): void;
  bytes(): number;
}

/**
 * Decides about each connection and flow that arrives from a proxy, and carries it to its target on this side.
 * Nothing is accepted towards the proxy before the target has accepted.
 */
export class Forwarder {
  readonly #log: Logger;
  readonly #warnings: ThrottledLog;
  readonly #names: NameResolver;
  readonly #maxConnections: number;
  readonly #maxFlows: number;
  readonly #connectTimeoutMs: number;
  readonly #flowIdleTimeoutMs: number;
  readonly #connections = new Set<Live>();
  readonly #flows = new Set<Live>();
  #rules: readonly CompiledRule[] = [];
  #routes: RouteTable = { ownAddresses: [], routes: [] };
  #closing = false;
  #denied = 0;

  constructor({
    log,
    lookup,
    nowMs,
    maxConnections = 8_192,
    maxFlows = 1_024,
    connectTimeoutMs = 8_000,
    flowIdleTimeoutMs = 60_000,
  }: ForwarderOptions) {
    this.#log = log;
    this.#warnings = new ThrottledLog(log, nowMs);
    this.#names = new NameResolver({ lookup, nowMs });
    this.#maxConnections = maxConnections;
    this.#maxFlows = maxFlows;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#flowIdleTimeoutMs = flowIdleTimeoutMs;
  }

  get counts(): { connections: number; flows: number; denied: number } {
    return { connections: this.#connections.size, flows: this.#flows.size, denied: this.#denied };
  }

  /** Replaces rules and routes. What is running and no longer allowed, or now leads elsewhere, is cut. */
  setState(state: ForwardingState): void {
    const { rules, unreadable: badRules } = compileRules(state.rules);
    const { unreadable: badRoutes, ...routes } = compileRoutes(state);
    for (const rule of badRules)
      this.#log.warn(
        { destination: rule.destination, why: JSON.stringify(rule) },
        "part of an access rule cannot be read and allows nothing",
      );
    for (const route of badRoutes)
      this.#log.warn({ destination: route.prefix }, "a route cannot be read and is ignored");
    this.#rules = rules;
    this.#routes = routes;
    for (const live of [...this.#connections, ...this.#flows]) {
      const target = chooseTarget(routes, live.request.destination);
      const kept = decideAccess(rules, live.request).allow && isDeepStrictEqual(target, live.target);
      if (!kept) live.reset();
    }
  }

  readonly onConnection = (incoming: IncomingConnection): void => {
    const request = requestOf("tcp", incoming);
    const target = this.#admit(request);
    if (target === undefined) {
      incoming.refuse("unreachable");
    } else if (this.#connections.size >= this.#maxConnections) {
      this.#warnings.warn("full", { connections: this.#connections.size }, "too many connections; refusing");
      incoming.refuse("refused");
    } else {
      void this.#connect(incoming, request, target);
    }
  };

  readonly onFlow = (incoming: IncomingFlow): void => {
    const request = requestOf("udp", incoming);
    const target = this.#admit(request);
    if (target === undefined) {
      incoming.refuse("unreachable");
    } else if (this.#flows.size >= this.#maxFlows) {
      this.#warnings.warn("full-udp", { flows: this.#flows.size }, "too many UDP flows; dropping");
      incoming.refuse("drop");
    } else {
      void this.#startFlow(incoming, request, target);
    }
  };

  /**
   * Takes nothing new, lets what is moving finish for up to `graceMs`, then resets the rest.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const deadline = Date.now() + graceMs;
    let before = -1;
    while (this.#connections.size > 0 && Date.now() < deadline) {
      const moved = [...this.#connections].reduce((sum, live) => sum + live.bytes(), this.#connections.size);
      // Connections that proxies keep for the next request do not hold us up.
      if (moved === before) break;
      before = moved;
      await sleep(Math.min(150, Math.max(1, deadline - Date.now())));
    }
    for (const live of [...this.#connections, ...this.#flows]) live.reset();
  }

  /** Rules first, then routes: what is not allowed learns nothing about what exists. */
  #admit(request: AccessRequest): Reachable | undefined {
    if (this.#closing) return undefined;
    const decision = decideAccess(this.#rules, request);
    const target = decision.allow ? chooseTarget(this.#routes, request.destination) : undefined;
    if (target !== undefined && target.kind !== "none") return target;
    this.#denied += 1;
    const why = decision.allow ? (target as { why: string }).why : `no rule for this ${decision.why}`;
    this.#warnings.warn(
      `denied ${request.protocol} ${request.destination} ${request.port} ${request.source}`,
      { ...request, why },
      "denied",
    );
    return undefined;
  }

  async #connect(incoming: IncomingConnection, request: AccessRequest, target: Reachable): Promise<void> {
    const abort = new AbortController();
    let pipe: Pipe | undefined;
    const live: Live = {
      request,
      target,
      reset: () => (pipe ? pipe.reset() : abort.abort()),
      bytes: () => pipe?.bytes ?? 0,
    };
    this.#connections.add(live);
    const addresses = await this.#addressesOf(target, request.destination);
    const connected =
      addresses === undefined
        ? undefined
        : await connectTcp(addresses, {
            port: request.port,
            timeoutMs: this.#connectTimeoutMs,
            signal: abort.signal,
          });
    if (!connected?.ok) {
      this.#connections.delete(live);
      if (connected !== undefined && !abort.signal.aborted) this.#notConnected(request, target, connected);
      incoming.refuse(connected === undefined ? "unreachable" : refusals[connected.why]);
      return;
    }
    const { socket } = connected;
    let tunnelSocket: TunnelSocket;
    try {
      tunnelSocket = incoming.accept();
    } catch (error) {
      // The proxy gave up meanwhile, or the device is being closed.
      this.#log.debug({ ...request, error: (error as Error).message }, "too late to accept");
      socket.resetAndDestroy();
      this.#connections.delete(live);
      return;
    }
    // Dead ends are found by the kernel and by the tunnel's own keepalive; idle ones may stay.
    socket.setKeepAlive(true, 60_000);
    tunnelSocket.setKeepAlive(true, 60_000);
    tunnelSocket.setNoDelay(true);
    pipe = pipeStreams(tunnelSocket, socket, () => this.#connections.delete(live));
  }

  async #startFlow(incoming: IncomingFlow, request: AccessRequest, target: Reachable): Promise<void> {
    let flow: Flow | undefined;
    let cut = false;
    const live: Live = {
      request,
      target,
      reset: () => {
        cut = true;
        flow?.close();
      },
      bytes: () => 0,
    };
    this.#flows.add(live);
    const addresses = await this.#addressesOf(target, request.destination);
    if (addresses === undefined || cut) {
      this.#flows.delete(live);
      incoming.refuse("unreachable");
      return;
    }
    let tunnelSocket: TunnelDatagramSocket;
    try {
      tunnelSocket = incoming.accept();
    } catch (error) {
      this.#log.debug({ ...request, error: (error as Error).message }, "too late to accept");
      this.#flows.delete(live);
      return;
    }
    flow = forwardFlow(
      tunnelSocket,
      { addresses, port: request.port, idleTimeoutMs: this.#flowIdleTimeoutMs },
      () => this.#flows.delete(live),
    );
  }

  /** @returns undefined when a name does not resolve */
  async #addressesOf(target: Reachable, destination: string): Promise<readonly string[] | undefined> {
    switch (target.kind) {
      case "own-host":
        return ownHost;
      case "address":
        return [target.address];
      case "name": {
        const resolved = await this.#names.resolve(target.name);
        if (resolved.ok) return resolved.addresses;
        this.#warnings.warn(
          `unresolved ${target.name}`,
          { destination, name: target.name, why: resolved.why },
          "the name of a domain resource does not resolve on this host",
        );
        return undefined;
      }
    }
  }

  #notConnected(request: AccessRequest, target: Reachable, { why, code }: NotConnected): void {
    if (target.kind === "name") this.#names.forget(target.name);
    const to =
      target.kind === "own-host" ? "this host" : target.kind === "name" ? target.name : target.address;
    this.#warnings.warn(
      `failed ${to} ${request.port} ${code}`,
      { destination: to, port: request.port, protocol: request.protocol, why, error: code },
      "the target does not accept the connection",
    );
  }
}

function requestOf(protocol: "tcp" | "udp", incoming: IncomingConnection | IncomingFlow): AccessRequest {
  return {
    protocol,
    source: incoming.remoteAddress,
    destination: incoming.localAddress,
    port: incoming.localPort,
  };
}
