import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { AddressChecks } from "./access/address-checks.ts";
import { AttemptLimiter } from "./access/attempt-limiter.ts";
import type { Authenticator } from "./access/authenticator.ts";
import { RequestRates } from "./access/request-rates.ts";
import { SessionWatch } from "./access/session-watch.ts";
import type { Brandings } from "./answer/branding.ts";
import type { Challenges } from "./cert/acme/challenges.ts";
import type { CertificateStore } from "./cert/certificate-store.ts";
import { ConfigError, type ListenAddress, type ProxyConfig, type VariableName } from "./config.ts";
import type { Exchange } from "./exchange.ts";
import { AlpnChallenge } from "./listen/alpn-challenge.ts";
import { OverlayFront } from "./listen/overlay-front.ts";
import { peekServerName } from "./listen/peek-server-name.ts";
import type { ProxiedAddresses } from "./listen/proxy-protocol.ts";
import { RedirectListener } from "./listen/redirect-listener.ts";
import { TcpListener } from "./listen/tcp-listener.ts";
import { TlsFront } from "./listen/tls-front.ts";
import type { Logger } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";
import { requestIds } from "./observe/request-id.ts";
import { Ports } from "./relay/ports.ts";
import type { RelayEnd } from "./relay/relay-record.ts";
import { handleRequest, type RequestPathParts } from "./request-path.ts";
import type { TableHolder } from "./route/host-table.ts";

export interface DataPlaneParts {
  readonly config: ProxyConfig;
  readonly table: TableHolder;
  readonly certificates: CertificateStore;
  /** Of orders under way. */
  readonly challenges: Challenges;
  readonly branding: Brandings;
  readonly authenticator: Authenticator;
  readonly addressChecks: AddressChecks;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** A request is over. */
  readonly onFinished: (x: Exchange, complete: boolean) => void;
  /** A relayed connection or flow is over, or was refused. */
  readonly onRelayEnd: (end: RelayEnd) => void;
}

/**
 * What visitors meet: listeners, TLS and the request path. Reads the host table and the certificates, and knows nothing
 * of where they come from.
 */
export class DataPlane {
  readonly #parts: DataPlaneParts;
  readonly #front: TlsFront;
  readonly #listener: TcpListener;
  readonly #redirect: RedirectListener | undefined;
  readonly #path: RequestPathParts;
  /** Where peers come in; the tunnels hand their connections over. */
  readonly overlay: OverlayFront;
  /** Ports of services without HTTP; the registry opens and closes them. */
  readonly ports: Ports;
  #active = 0;
  /** Bound ports, after {@link start}. */
  port: number;
  redirectPort: number | undefined;

  constructor(parts: DataPlaneParts) {
    this.#parts = parts;
    const { config, metrics } = parts;
    this.port = config.listen.port;
    const proto = config.forwardedProto === "http" ? "http" : "https";
    this.#path = {
      table: parts.table,
      trustedProxies: config.trustedProxies,
      forwarding: {
        proto,
        defaultPort: config.forwardedProto === "http" ? "80" : String(config.publicPort || 443),
        loopId: randomBytes(9).toString("base64url"),
      },
      publicScheme: proto,
      authenticator: parts.authenticator,
      attempts: new AttemptLimiter(),
      addressChecks: parts.addressChecks,
      requestRates: new RequestRates(),
      sessionWatch: new SessionWatch(),
      branding: parts.branding,
      log: parts.log,
      nextRequestId: requestIds(Date.now),
      finished: (x, complete) => this.#finished(x, complete),
    };
    this.#front = new TlsFront({
      certificates: parts.certificates,
      maxHeaderBytes: config.limits.maxHeaderBytes,
      onRequest: (down) => {
        this.#active += 1;
        metrics.activeRequests.set(this.#active);
        handleRequest(down, this.#path);
      },
      onHandshakeFailed: () => metrics.handshakeFailures.inc(),
    });
    this.overlay = new OverlayFront(this.#front, parts.table);
    this.ports = new Ports({
      table: parts.table,
      metrics,
      addressChecks: parts.addressChecks,
      onEnd: parts.onRelayEnd,
      host: config.listen.host,
      mainPort: () => this.port,
      proxyProtocol: config.proxyProtocol,
      trustedProxies: config.trustedProxies,
    });
    const toHttp = (socket: Socket, proxied: ProxiedAddresses | undefined) => {
      if (parts.table.current.hasClientAuthorities) void this.#takeByName(socket, proxied);
      else this.#front.take(socket, proxied);
    };
    const alpn = config.acme?.challenge === "tls-alpn-01" ? new AlpnChallenge(parts.challenges) : undefined;
    this.#listener = new TcpListener({
      proxyProtocol: config.proxyProtocol,
      trustedProxies: config.trustedProxies,
      onConnection: (socket, proxied) => {
        const onwards = () => this.ports.routeMain(socket, proxied, toHttp);
        if (alpn === undefined) onwards();
        else void alpn.sort(socket, onwards);
      },
    });
    this.#redirect =
      config.redirectListen === undefined
        ? undefined
        : new RedirectListener(
            parts.table,
            config.publicPort || 443,
            config.acme?.challenge === "http-01" ? parts.challenges : undefined,
          );
  }

  /** @throws {ConfigError} when a port cannot be had */
  async start(): Promise<void> {
    const { config, log } = this.#parts;
    if (config.proxyProtocol && config.trustedProxies === undefined) {
      log.warn("PROXY headers are believed from everybody; set NB_PROXY_TRUSTED_PROXIES to limit that");
    }
    this.port = await bind("NB_PROXY_ADDRESS", config.listen, this.#listener);
    if (config.redirectListen !== undefined && this.#redirect !== undefined) {
      this.redirectPort = await bind("NB_PROXY_HTTP_ADDRESS", config.redirectListen, this.#redirect);
    }
  }

  /** Looks for whom the connection is before its handshake, which may have to ask for a client certificate. */
  async #takeByName(socket: Socket, proxied: ProxiedAddresses | undefined): Promise<void> {
    const serverName = await peekServerName(socket);
    if (serverName === undefined) return;
    const service = this.#parts.table.current.http.get(serverName);
    this.#front.take(socket, proxied, service?.access.clientAuthority);
  }

  certificatesChanged(): void {
    this.#front.certificatesChanged();
  }

  get activeRequests(): number {
    return this.#active;
  }

  /** Takes no new connections and waits for what is under way. */
  async drain(timeoutMs: number): Promise<void> {
    this.#listener.close();
    this.#redirect?.close();
    this.overlay.close();
    this.#front.drain();
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#active > 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    this.#path.sessionWatch.close();
    this.#listener.close();
    this.#redirect?.close();
    this.overlay.close();
    this.ports.close();
    this.#front.close();
  }

  #finished(x: Exchange, complete: boolean): void {
    const { metrics, onFinished } = this.#parts;
    this.#active -= 1;
    metrics.activeRequests.set(this.#active);
    const nowMs = performance.now();
    // Only names that are published become labels: names are the visitor's choice.
    metrics.requests.inc({ host: x.service?.domain ?? "", status: x.status === 0 ? 499 : x.status });
    metrics.requestMs.observe(nowMs - x.startedMs);
    if (x.upstreamAnsweredMs > 0) metrics.backendMs.observe(x.upstreamAnsweredMs - x.startedMs);
    if (x.failedOver > 0) metrics.failovers.inc(x.failedOver);
    if (x.answer !== undefined) metrics.failures.inc({ code: x.answer.code });
    onFinished(x, complete);
  }
}

/** @throws {ConfigError} naming the variable */
export async function bind(
  variable: VariableName,
  address: ListenAddress,
  listener: { listen(address: ListenAddress): Promise<number> },
): Promise<number> {
  try {
    return await listener.listen(address);
  } catch (error) {
    throw new ConfigError([`${variable}: ${bindProblem(error as NodeJS.ErrnoException, address)}`]);
  }
}

export function bindProblem(error: NodeJS.ErrnoException, { host, port }: ListenAddress): string {
  const where = `${host ?? "*"}:${port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return `${where} is in use: stop the program that has it, or choose another port`;
    case "EACCES":
      return `${where} may not be opened: ports below 1024 need the right to (CAP_NET_BIND_SERVICE), or choose another port`;
    case "EADDRNOTAVAIL":
      return `${where} is not an address of this machine: use one that is, or :${port} for all`;
    default:
      return `${where} cannot be opened: ${error.message}`;
  }
}
