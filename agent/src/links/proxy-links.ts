import type { agent } from "@netbird-proxy/proto/grpc";
import { type Device, keyToBase64, type PeerStatus } from "@netbird-proxy/tunnel";
import type { Lookup } from "../forward/resolve-name.ts";
import type { Logger } from "../log.ts";
import { LinkHealth } from "./link-health.ts";
import { type ProxyLinkConfig, readProxy, sameLink } from "./read-proxy.ts";
import { resolveEndpoint } from "./resolve-endpoint.ts";

/** Keeps the way back open through NATs; most forget a UDP flow after 30 s. */
const PERSISTENT_KEEPALIVE_SECONDS = 25;
const TICK_MS = 250;
/** How long the packet that starts a handshake may wait for it. */
const FIRST_PACKET_MS = 1_000;

export interface ProxyLinksPorts {
  device: Pick<Device, "setPeer" | "removePeer" | "peers" | "ping" | "onHandshake">;
  lookup: Lookup;
  log: Logger;
  nowMs: () => number;
  random: () => number;
  /** A handshake completed or a link went up or down: worth a report. */
  onChange: () => void;
}

export interface LinkStatus {
  peerId: string;
  proxyId: string;
  publicKey: string;
  /** As the tunnel uses it; as configured before it is resolved. */
  endpoint: string;
  up: boolean;
  latestHandshakeMs: number | undefined;
  rxBytes: number;
  txBytes: number;
}

interface Link {
  config: ProxyLinkConfig;
  health: LinkHealth;
  /** What the endpoint resolved to last; used on while the resolver is down. */
  endpoints: readonly string[];
  /** Handshakes tried since the link was up last; a name with several addresses gets all of them tried. */
  failures: number;
  /** Which of `endpoints` is in use. */
  turn: number;
  resolving: boolean;
  wasUp: boolean;
  /** What the log was told last about why it is down. */
  complainedOf: string;
  removed: boolean;
}

/** Keeps a tunnel to every proxy of the newest state. */
export class ProxyLinks {
  readonly #ports: ProxyLinksPorts;
  readonly #links = new Map<string, Link>();
  readonly #timer: NodeJS.Timeout;

  constructor(ports: ProxyLinksPorts) {
    this.#ports = ports;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    ports.device.onHandshake((publicKey) => {
      this.#tick(keyToBase64(publicKey));
      ports.onChange();
    });
  }

  /** Replaces the list. A link that stays as it was keeps its session. */
  setProxies(proxies: readonly agent.ProxyPeer[]): void {
    const wanted = new Map<string, ProxyLinkConfig>();
    for (const proxy of proxies) {
      const read = readProxy(proxy);
      if (read.ok) wanted.set(keyToBase64(read.value.publicKey), read.value);
      else
        this.#ports.log.warn(
          { proxy_id: proxy.proxyId, why: read.why },
          "a proxy cannot be used; ignoring it",
        );
    }
    for (const [key, link] of this.#links) {
      const now = wanted.get(key);
      if (now !== undefined && sameLink(now, link.config)) {
        link.config = now;
        // The server sends a state when a proxy (re)connects to it.
        link.health.hurry();
        wanted.delete(key);
        continue;
      }
      this.#remove(key, link);
      if (now === undefined) this.#ports.log.info({ proxy_id: link.config.proxyId }, "proxy removed");
    }
    for (const [key, config] of wanted) {
      const link: Link = {
        config,
        health: new LinkHealth(this.#ports.nowMs(), this.#ports.random),
        endpoints: [],
        failures: 0,
        turn: -1,
        resolving: false,
        wasUp: false,
        complainedOf: "",
        removed: false,
      };
      this.#links.set(key, link);
      void this.#dial(link);
    }
  }

  status(): LinkStatus[] {
    const peers = this.#peers();
    return [...this.#links].map(([key, { config, health }]) => {
      const peer = peers.get(key);
      return {
        peerId: config.peerId,
        proxyId: config.proxyId,
        publicKey: key,
        endpoint: peer?.endpoint ?? config.endpoint,
        up: health.up,
        latestHandshakeMs: peer?.latestHandshakeMs,
        rxBytes: peer?.rxBytes ?? 0,
        txBytes: peer?.txBytes ?? 0,
      };
    });
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of this.#links.values()) link.removed = true;
    this.#links.clear();
  }

  #peers(): Map<string, PeerStatus> {
    return new Map(this.#ports.device.peers().map((peer) => [keyToBase64(peer.publicKey), peer]));
  }

  #tick(only?: string): void {
    const peers = this.#peers();
    const nowMs = this.#ports.nowMs();
    for (const [key, link] of this.#links) {
      if (only !== undefined && only !== key) continue;
      const peer = peers.get(key);
      const action = link.health.observe({
        nowMs,
        latestHandshakeMs: peer?.latestHandshakeMs,
        rxBytes: peer?.rxBytes ?? 0,
      });
      if (link.health.up && !link.wasUp) {
        link.wasUp = true;
        link.failures = 0;
        link.complainedOf = "";
        const { proxyId, peerId } = link.config;
        this.#ports.log.info({ proxy_id: proxyId, peer_id: peerId, endpoint: peer?.endpoint }, "connected");
      }
      if (action === "ask") this.#ask(link);
      else if (action === "renew") void this.#dial(link);
    }
  }

  #ask(link: Link): void {
    const { device, nowMs } = this.#ports;
    const timeoutMs = link.health.asked();
    device.ping(link.config.address, timeoutMs).then(
      (roundTripMs) => link.health.answered(nowMs(), roundTripMs),
      () => link.health.missed(nowMs()),
    );
  }

  /** Resolves the endpoint and starts a new handshake with its next address. */
  async #dial(link: Link): Promise<void> {
    const { device, lookup, log, nowMs, onChange } = this.#ports;
    const { config } = link;
    if (link.resolving) return;
    const wasUp = link.wasUp;
    if (wasUp) {
      link.wasUp = false;
      log.warn(
        { proxy_id: config.proxyId, endpoint: config.endpoint },
        "the proxy stopped answering; reconnecting",
      );
      onChange();
    }
    link.resolving = true;
    const resolved = await resolveEndpoint(config.endpoint, lookup);
    link.resolving = false;
    if (link.removed) return;
    link.health.renewed(nowMs());
    if (resolved.ok) link.endpoints = resolved.endpoints;
    else this.#complain(link, `its endpoint does not resolve: ${resolved.why}`);
    // An address that worked is tried again first.
    if (!wasUp) link.turn += 1;
    link.failures += 1;
    if (link.failures === 4) this.#complain(link, "no handshake; is UDP to the endpoint open?");
    const endpoint = link.endpoints[link.turn % link.endpoints.length];
    if (endpoint === undefined) return;
    // A peer that stays would keep its dead session, and WireGuard would not try again for seconds.
    device.removePeer(config.publicKey);
    device.setPeer({
      publicKey: config.publicKey,
      presharedKey: config.presharedKey,
      allowedIps: config.allowedIps,
      endpoint,
      persistentKeepaliveSeconds: PERSISTENT_KEEPALIVE_SECONDS,
    });
    // A packet that wants to leave starts the handshake at once. Its answer means nothing: it may wait for the handshake.
    device.ping(config.address, FIRST_PACKET_MS).catch(() => {});
  }

  #complain(link: Link, why: string): void {
    if (link.complainedOf === why) return;
    link.complainedOf = why;
    const { proxyId, endpoint } = link.config;
    this.#ports.log.warn({ proxy_id: proxyId, endpoint, why }, "cannot reach a proxy; trying on");
  }

  #remove(key: string, link: Link): void {
    link.removed = true;
    this.#links.delete(key);
    this.#ports.device.removePeer(link.config.publicKey);
  }
}
