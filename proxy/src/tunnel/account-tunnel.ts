import { isIP } from "node:net";
import type { AccountId, ReasonCode } from "@netbird-proxy/proto";
import type { control } from "@netbird-proxy/proto/grpc";
import {
  type Device,
  type Key,
  keyFromBase64,
  keyToBase64,
  type PeerStatus,
  type TunnelDatagramSocket,
  type TunnelSocket,
} from "@netbird-proxy/tunnel";
import { codedError, errorCode, type TargetDialer } from "../forward/dial.ts";
import { allotPrefixes } from "./allot-prefixes.ts";
import { type OverlayPeer, overlayPeers } from "./overlay-identities.ts";
import { PrefixTable } from "./prefix-table.ts";

/** WireGuard gives up a session after this long without a new handshake (REJECT_AFTER_TIME). */
const SESSION_DEAD_MS = 180_000;

/** How long a peer may take to answer the greeting; nobody waits for it. */
const GREETING_MS = 5_000;

interface Peer {
  readonly config: control.TunnelPeer;
  readonly key: Key;
  /** Its own overlay address, to ask whether it is there. */
  readonly address: string | undefined;
  /** An echo went unanswered since the last sign of life. */
  silent: boolean;
}

/**
 * One account's way into its overlay, whether there is a tunnel yet or not: services are made before the tunnel state
 * arrives, and survive every change of it.
 */
export class AccountTunnel implements TargetDialer {
  readonly key: string;
  readonly accountId: AccountId;
  #device: Device | undefined;
  #addresses: readonly string[] = [];
  #overlayPeers: ReadonlyMap<string, OverlayPeer> = new Map();
  #peers = new Map<string, Peer>();
  #byKey = new Map<string, Peer>();
  #routes: control.TunnelRoute[] = [];
  #names = new Map<string, string>();
  #wildcards: { suffix: string; address: string }[] = [];
  /** Which peer carries an address. */
  #carriers = new PrefixTable<Peer>();
  /**
   * Where peers that dial us were seen last, by public key. After a restart we call them there: a peer that still
   * believes in the old session would not call us before it has something to say.
   */
  readonly #seenAt: Map<string, string>;
  /** What the device has been told per peer, to leave alone what did not change. */
  readonly #told = new Map<string, string>();
  /** Why there is no tunnel, as long as there is none. */
  absence: { reason: ReasonCode; message: string } = {
    reason: "tunnel.peer_never_connected",
    message: "the server has not sent the tunnel's configuration yet",
  };
  /** Resolves the endpoint of a peer that does not dial us. */
  readonly #resolveEndpoint: (endpoint: string) => Promise<string | undefined>;

  constructor(
    accountId: AccountId,
    resolveEndpoint: (endpoint: string) => Promise<string | undefined>,
    seenAt: Readonly<Record<string, string>> = {},
  ) {
    this.accountId = accountId;
    this.#seenAt = new Map(Object.entries(seenAt));
    this.key = `account:${accountId}`;
    this.#resolveEndpoint = resolveEndpoint;
  }

  get device(): Device | undefined {
    return this.#device;
  }

  /** Brings the device to this state; sessions with peers that stay survive. */
  apply(device: Device, state: control.TunnelState): void {
    const addresses = [state.address, state.addressV6].filter((address) => address !== "");
    if (this.#device !== device || addresses.join() !== this.#addresses.join())
      device.setAddresses(addresses);
    this.#addresses = addresses;
    this.#overlayPeers = overlayPeers(state);
    this.#device = device;
    const peers = new Map<string, Peer>();
    const byKey = new Map<string, Peer>();
    for (const config of state.peers) {
      const key = keyFromBase64(config.publicKey);
      if (key === undefined) continue;
      const known = this.#peers.get(config.peerId);
      const peer: Peer = {
        config,
        key,
        address: config.allowedIps[0]?.split("/")[0],
        silent: known?.config.publicKey === config.publicKey ? known.silent : false,
      };
      peers.set(config.peerId, peer);
      byKey.set(config.publicKey, peer);
    }
    for (const [publicKey, peer] of this.#byKey) {
      if (byKey.has(publicKey)) continue;
      device.removePeer(peer.key);
      this.#told.delete(publicKey);
    }
    this.#peers = peers;
    this.#byKey = byKey;
    this.#routes = state.routes;
    this.#names = new Map();
    this.#wildcards = [];
    for (const { domain, prefix } of state.routes) {
      const address = prefix.split("/")[0]!;
      if (domain.startsWith("*.")) this.#wildcards.push({ suffix: domain.slice(1).toLowerCase(), address });
      else if (domain !== "") this.#names.set(domain.toLowerCase(), address);
    }
    this.chooseRouters();
  }

  /** The account is gone. */
  async close(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    this.#peers.clear();
    this.#byKey.clear();
    this.#overlayPeers = new Map();
    this.#told.clear();
    await device?.close();
  }

  /** Whether this is one of our own addresses in the overlay. */
  hasAddress(address: string): boolean {
    return this.#addresses.includes(address);
  }

  /**
   * The peer with this key, if the address is its own. A routing peer may send from any address of its networks: that says
   * nothing about who is there.
   */
  peerAt(publicKey: Key, address: string): OverlayPeer | undefined {
    const peer = this.#overlayPeers.get(keyToBase64(publicKey));
    return peer?.addresses.has(address) ? peer : undefined;
  }

  /**
   * Gives every routed prefix to the best router that is alive, and tells the device where that changed. Called when the
   * state changes, when a peer appears or goes silent, and now and then because sessions age.
   *
   * @returns whether some prefix moved
   */
  chooseRouters(): boolean {
    const device = this.#device;
    if (device === undefined) return false;
    const status = new Map(device.peers().map((peer) => [keyToBase64(peer.publicKey), peer]));
    const { allowed, carriers } = allotPrefixes(
      this.#peers,
      this.#routes,
      (peer) => !peer.silent && alive(status.get(peer.config.publicKey)),
    );
    this.#carriers = carriers;
    let moved = false;
    // First what a peer loses: one prefix belongs to one peer, and the last writer has it.
    for (const [peer, allowedIps] of allowed) {
      const { config } = peer;
      const configuration = JSON.stringify([allowedIps, config.presharedKey, config.endpoint]);
      if (this.#told.get(config.publicKey) === configuration) continue;
      moved = true;
      const isNew = !this.#told.has(config.publicKey);
      this.#told.set(config.publicKey, configuration);
      void this.#tell(device, peer, allowedIps);
      if (isNew) this.#greet(device, peer);
    }
    return moved;
  }

  async #tell(device: Device, peer: Peer, allowedIps: string[]): Promise<void> {
    const { config, key } = peer;
    const presharedKey = config.presharedKey === "" ? undefined : keyFromBase64(config.presharedKey);
    const seenAt = config.endpoint === "" ? this.#seenAt.get(config.publicKey) : undefined;
    device.setPeer({ publicKey: key, presharedKey, allowedIps, endpoint: seenAt });
    if (config.endpoint === "") return;
    const endpoint = await this.#resolveEndpoint(config.endpoint);
    if (endpoint === undefined || this.#device !== device || this.#byKey.get(config.publicKey) !== peer)
      return;
    device.setPeer({ publicKey: key, presharedKey, allowedIps, endpoint, persistentKeepaliveSeconds: 25 });
  }

  /**
   * After our restart a device still sends into the session from before, until it notices by itself (15 s). One echo makes
   * a new session; agents would notice sooner, but are greeted like everybody.
   */
  #greet(device: Device, { config, address }: Peer): void {
    if (address === undefined || config.endpoint !== "" || !this.#seenAt.has(config.publicKey)) return;
    device.ping(address, GREETING_MS).catch(() => {
      // It is somewhere else, or not there; it will call us.
    });
  }

  /** A handshake completed. @returns whether the peer is somewhere else than before */
  peerAppeared(publicKey: Key): boolean {
    const id = keyToBase64(publicKey);
    const peer = this.#byKey.get(id);
    if (peer === undefined) return false;
    peer.silent = false;
    this.chooseRouters();
    const endpoint = this.#device?.peers().find((status) => keyToBase64(status.publicKey) === id)?.endpoint;
    if (endpoint === undefined || endpoint === this.#seenAt.get(id)) return false;
    this.#seenAt.set(id, endpoint);
    return true;
  }

  /** Where the peers of the account were seen last, by public key. */
  seenAt(): Record<string, string> {
    return Object.fromEntries([...this.#seenAt].filter(([id]) => this.#byKey.has(id)));
  }

  /** Newest handshakes and counters, for the report. */
  peerReports(): control.PeerReport[] {
    const device = this.#device;
    if (device === undefined) return [];
    const reports: control.PeerReport[] = [];
    for (const status of device.peers()) {
      const peer = this.#byKey.get(keyToBase64(status.publicKey));
      if (peer === undefined || status.latestHandshakeMs === undefined) continue;
      reports.push({
        accountId: this.accountId,
        peerId: peer.config.peerId,
        latestHandshakeUnixSeconds: BigInt(Math.floor(status.latestHandshakeMs / 1000)),
        rxBytes: BigInt(status.rxBytes),
        txBytes: BigInt(status.txBytes),
        endpoint: status.endpoint ?? "",
      });
    }
    return reports;
  }

  async dial(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<TunnelSocket> {
    const { device, address, peer } = this.#locate(host);
    const socket = await device.dialTcp({ host: address, port }, { timeoutMs, signal });
    peer.silent = false;
    return socket;
  }

  dialUdp(host: string, port: number): Promise<TunnelDatagramSocket> {
    const { device, address } = this.#locate(host);
    return device.dialUdp({ host: address, port });
  }

  async ping(host: string, timeoutMs: number): Promise<number> {
    const { device, address, peer } = this.#locate(host);
    // Behind a router only the router can be asked: what lies behind it may not answer echoes.
    try {
      const ms = await device.ping(peer.address ?? address, timeoutMs);
      peer.silent = false;
      return ms;
    } catch (error) {
      if (errorCode(error) === "ETIMEDOUT") {
        peer.silent = true;
        this.chooseRouters();
      }
      throw error;
    }
  }

  handshakeAgeSeconds(host: string): number {
    try {
      const { device, peer } = this.#locate(host);
      const status = device.peers().find(({ publicKey }) => keyToBase64(publicKey) === peer.config.publicKey);
      if (status?.latestHandshakeMs === undefined) return -1;
      return Math.max(0, Math.floor((Date.now() - status.latestHandshakeMs) / 1000));
    } catch {
      return -1;
    }
  }

  /** @throws an error whose `reason` says what is missing */
  #locate(host: string): { device: Device; address: string; peer: Peer } {
    const device = this.#device;
    if (device === undefined) throw missing(this.absence.reason, this.absence.message);
    const address = this.#address(host);
    if (address === undefined) {
      throw missing("tunnel.no_route", `no router serves the name ${host}`);
    }
    const peer = this.#carriers.get(address);
    if (peer === undefined) {
      throw missing("tunnel.no_route", `no peer or router of the account carries ${address}`);
    }
    return { device, address, peer };
  }

  #address(host: string): string | undefined {
    if (isIP(host) !== 0) return host;
    const name = host.toLowerCase();
    const exact = this.#names.get(name);
    if (exact !== undefined) return exact;
    return this.#wildcards.find(({ suffix }) => name.endsWith(suffix))?.address;
  }
}

function alive(status: PeerStatus | undefined): boolean {
  return status?.latestHandshakeMs !== undefined && Date.now() - status.latestHandshakeMs < SESSION_DEAD_MS;
}

function missing(reason: ReasonCode, message: string): Error {
  return Object.assign(codedError("ENOTUNNEL", message), { reason });
}
