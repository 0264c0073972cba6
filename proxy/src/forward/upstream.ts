import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { Circuit } from "./circuit.ts";
import { UpstreamConnection, type UpstreamHandler, type UpstreamRequest } from "./connection.ts";
import { codedError, type TargetDialer } from "./dial.ts";

export interface UpstreamLimits {
  readonly maxIdleConnections: number;
  readonly idleTimeoutMs: number;
  readonly tlsHandshakeTimeoutMs: number;
  /** 0: unlimited. */
  readonly maxInFlight: number;
  readonly maxHeaderBytes: number;
}

export interface SendOptions {
  readonly dialTimeoutMs: number;
  /** The request may be sent twice. */
  readonly repeatable: boolean;
  /** When the target was last seen to take a connection or to answer, milliseconds of the monotonic clock. */
  readonly reachedMs: number;
}

export interface UpstreamSpec {
  readonly dialer: TargetDialer;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly verify: boolean } | undefined;
}

/** A request that cannot be repeated only takes a connection that was in use this recently. */
const FRESH_MS = 1000;
/** After so many stale connections in a row the request gets a new one. */
const MAX_STALE = 3;

/**
 * The connections to one target, shared by every service of an account that names it. The most recently used one is
 * taken first, so that the surplus grows old and goes.
 */
export class Upstream {
  readonly key: string;
  readonly circuit = new Circuit();
  readonly #spec: UpstreamSpec;
  readonly #limits: UpstreamLimits;
  readonly #idle: UpstreamConnection[] = [];
  #inFlight = 0;
  #references = 0;
  /** TLS session of the last connection: the next handshake is shorter. */
  #session: Buffer | undefined;
  readonly #onUnused: () => void;

  constructor(spec: UpstreamSpec, limits: UpstreamLimits, onUnused: () => void = () => {}) {
    this.#spec = spec;
    this.#limits = limits;
    this.#onUnused = onUnused;
    this.key = upstreamKey(spec);
  }

  get host(): string {
    return this.#spec.host;
  }

  get port(): number {
    return this.#spec.port;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  acquire(): this {
    this.#references += 1;
    return this;
  }

  /** The last one out closes what is idle; requests under way finish. */
  release(): void {
    this.#references -= 1;
    if (this.#references > 0) return;
    this.#onUnused();
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** @returns false when the limit of requests in flight is reached; then nothing was sent and nothing is called */
  send(request: UpstreamRequest, handler: UpstreamHandler, options: SendOptions): boolean {
    if (this.#limits.maxInFlight > 0 && this.#inFlight >= this.#limits.maxInFlight) return false;
    this.#inFlight += 1;
    new Attempt(this, request, handler, options).run();
    return true;
  }

  /** @internal */
  finished(): void {
    this.#inFlight -= 1;
  }

  /** @internal An idle connection, unless only a new one will do. */
  takeIdle(repeatable: boolean): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (!connection.alive) continue;
      // A target may close an idle connection in the very moment we write to it. A repeatable request is then sent
      // again; any other must not meet that, and a connection in steady use is not being closed.
      if (!repeatable && performance.now() - connection.idleSinceMs > FRESH_MS) {
        this.#idle.push(connection);
        return undefined;
      }
      return connection;
    }
  }

  /** @internal @throws an error with `code`; `untried` when the circuit is open */
  async connect({ dialTimeoutMs, reachedMs }: SendOptions): Promise<UpstreamConnection> {
    const { dialer, host, port, tls } = this.#spec;
    if (!this.circuit.admit(performance.now(), reachedMs)) throw this.circuit.refusal();
    let socket: Duplex;
    try {
      socket = await dialer.dial(host, port, dialTimeoutMs);
      if (tls !== undefined) socket = await this.#secure(socket, tls.verify);
    } catch (error) {
      this.circuit.failed(error as Error, performance.now());
      throw error;
    }
    this.circuit.succeeded();
    return new UpstreamConnection(socket, this.#limits.idleTimeoutMs, this.#limits.maxHeaderBytes, this);
  }

  connectionFree(connection: UpstreamConnection): void {
    connection.idleSinceMs = performance.now();
    if (connection.closed) return;
    if (this.#references <= 0 || this.#idle.length >= this.#limits.maxIdleConnections) {
      // Not now: undici is in the middle of handing over the answer.
      setImmediate(() => connection.close());
      return;
    }
    this.#idle.push(connection);
  }

  connectionClosed(connection: UpstreamConnection): void {
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  #secure(socket: Duplex, verify: boolean): Promise<Duplex> {
    const { host } = this.#spec;
    return new Promise((resolve, reject) => {
      const isName = !/^[0-9.]+$|:/.test(host);
      const secured = tlsConnect({
        socket,
        // RFC 6066 §3: no addresses in the server name.
        servername: isName ? host : "",
        host,
        rejectUnauthorized: verify,
        ALPNProtocols: ["http/1.1"],
        session: this.#session,
      });
      const timer = setTimeout(
        () => secured.destroy(codedError("ETIMEDOUT", "the target did not finish the TLS handshake")),
        this.#limits.tlsHandshakeTimeoutMs,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        this.#session = undefined;
        socket.destroy();
        reject(Object.assign(error, { tls: true }));
      };
      secured.once("error", fail);
      secured.once("secureConnect", () => {
        clearTimeout(timer);
        secured.off("error", fail);
        resolve(secured);
      });
      secured.on("session", (session) => {
        this.#session = session;
      });
    });
  }
}

/** What makes two targets share connections. */
export function upstreamKey({ dialer, host, port, tls }: UpstreamSpec): string {
  const scheme = tls === undefined ? "http" : tls.verify ? "https" : "https-unverified";
  return `${dialer.key}|${scheme}|${host}|${port}`;
}

/** One request on its way, over as many connections as it takes. */
class Attempt implements UpstreamHandler {
  readonly #upstream: Upstream;
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  readonly #options: SendOptions;
  #connection: UpstreamConnection | undefined;
  #answered = false;
  #stale = 0;

  constructor(upstream: Upstream, request: UpstreamRequest, handler: UpstreamHandler, options: SendOptions) {
    this.#upstream = upstream;
    this.#request = request;
    this.#handler = handler;
    this.#options = options;
  }

  run(): void {
    const { repeatable } = this.#options;
    const idle = this.#stale < MAX_STALE ? this.#upstream.takeIdle(repeatable) : undefined;
    if (idle !== undefined) {
      this.#use(idle);
      return;
    }
    // A visitor who leaves meanwhile is noticed when the request is about to be written.
    this.#upstream.connect(this.#options).then(
      (connection) => this.#use(connection),
      (error: Error) => this.failed(error, false),
    );
  }

  #use(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.send(this.#request, this);
  }

  started(abort: () => void): void {
    this.#handler.started(abort);
  }

  head(status: number, headers: Buffer[], resume: () => void): boolean {
    this.#answered = true;
    return this.#handler.head(status, headers, resume);
  }

  data(chunk: Buffer): boolean {
    return this.#handler.data(chunk);
  }

  complete(trailers: Buffer[]): void {
    this.#upstream.finished();
    this.#handler.complete(trailers);
  }

  upgraded(status: number, headers: Buffer[], socket: Duplex): void {
    this.#upstream.finished();
    this.#handler.upgraded(status, headers, socket);
  }

  failed(error: Error, sent = true): void {
    // The target closed a kept connection while our request was on its way: it never saw the request.
    const wasStale = this.#connection !== undefined && this.#connection.served > 0 && !this.#answered;
    if (wasStale && this.#options.repeatable) {
      this.#connection = undefined;
      this.#stale += 1;
      this.run();
      return;
    }
    this.#upstream.finished();
    this.#handler.failed(error, sent);
  }
}

/** One {@link Upstream} per target, for as long as some service uses it. */
export class Upstreams {
  readonly #limits: UpstreamLimits;
  readonly #byKey = new Map<string, Upstream>();

  constructor(limits: UpstreamLimits) {
    this.#limits = limits;
  }

  acquire(spec: UpstreamSpec): Upstream {
    const key = upstreamKey(spec);
    let upstream = this.#byKey.get(key);
    if (upstream === undefined) {
      upstream = new Upstream(spec, this.#limits, () => this.#byKey.delete(key));
      this.#byKey.set(key, upstream);
    }
    return upstream.acquire();
  }

  get size(): number {
    return this.#byKey.size;
  }
}
