import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { TunnelDatagramSocket } from "@netbird-proxy/tunnel";
import type { AddressChecks } from "../access/address-checks.ts";
import { unmapAddress } from "../access/cidr.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../route/service.ts";
import { refuseRelay } from "./refuse-relay.ts";
import type { RelayEnd } from "./relay-record.ts";

const MAX_FLOWS = 1024;
const NEW_FLOWS_PER_SECOND = 50;
const NEW_FLOWS_BURST = 100;
/** Datagrams kept while the target is being dialled. */
const MAX_WAITING = 16;

export interface UdpRelayParts {
  readonly metrics: Metrics;
  readonly addressChecks: AddressChecks;
  readonly onEnd: (end: RelayEnd) => void;
  /** The service of this port now. */
  readonly service: () => Service | undefined;
}

interface Flow {
  readonly service: Service;
  readonly address: string;
  readonly startedMs: number;
  lastMs: number;
  fromClient: number;
  toClient: number;
  /** Undefined while it is being dialled. */
  socket: TunnelDatagramSocket | undefined;
  waiting: Buffer[];
  idle: NodeJS.Timeout;
  destroy(): void;
  moved(to: Service, sameAccess: boolean): void;
}

/** One UDP port: every client address is a flow of its own to the service's target. */
export class UdpRelay {
  #socket: Socket | undefined;
  readonly #flows = new Map<string, Flow>();
  readonly #parts: UdpRelayParts;
  #tokens = NEW_FLOWS_BURST;
  #refilledMs = performance.now();

  constructor(parts: UdpRelayParts) {
    this.#parts = parts;
  }

  /** @param host undefined: every address of the machine @throws the error of bind */
  async bind(port: number, host: string | undefined): Promise<void> {
    // Everywhere means IPv6 with IPv4 inside it, unless the machine has no IPv6.
    const addresses = host === undefined ? ["::", "0.0.0.0"] : [host];
    for (const [i, address] of addresses.entries()) {
      try {
        this.#socket = await bound(port, address);
        break;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (i === addresses.length - 1 || (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL")) throw error;
      }
    }
    this.#socket?.on("message", (datagram, from) => this.#received(datagram, from));
  }

  close(): void {
    for (const flow of [...this.#flows.values()]) flow.destroy();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #received(datagram: Buffer, from: RemoteInfo): void {
    const service = this.#parts.service();
    if (service === undefined) return;
    const key = `${from.address} ${from.port}`;
    let flow = this.#flows.get(key);
    if (flow === undefined || flow.service !== service) {
      flow?.destroy();
      flow = this.#open(key, service, from);
      if (flow === undefined) return;
    }
    flow.fromClient += datagram.length;
    flow.lastMs = performance.now();
    flow.idle.refresh();
    this.#parts.metrics.udpPackets.inc({ direction: "client_to_backend" });
    this.#parts.metrics.udpBytes.inc({ direction: "client_to_backend" }, datagram.length);
    if (flow.socket !== undefined) flow.socket.send(datagram);
    else if (flow.waiting.length < MAX_WAITING) flow.waiting.push(datagram);
  }

  #open(key: string, service: Service, from: RemoteInfo): Flow | undefined {
    const { metrics, onEnd, addressChecks } = this.#parts;
    const account = { account_id: service.accountId };
    const address = unmapAddress(from.address);
    const { verdict, findings } = refuseRelay(service, address, addressChecks);
    if (verdict !== "") {
      metrics.udpSessions.inc({ ...account, result: "rejected" });
      onEnd({
        service,
        sourceAddress: address,
        durationMs: 0,
        bytesFromClient: 0,
        bytesToClient: 0,
        verdict,
        findings,
      });
      return undefined;
    }
    // Source addresses of UDP are easily forged: without limits a flood would open flows until memory is gone.
    if (this.#flows.size >= MAX_FLOWS || !this.#admit()) {
      metrics.udpSessions.inc({ ...account, result: "rejected" });
      return undefined;
    }
    const target = service.relay!;
    const nowMs = performance.now();
    const flow: Flow = {
      service,
      address,
      startedMs: nowMs,
      lastMs: nowMs,
      fromClient: 0,
      toClient: 0,
      socket: undefined,
      waiting: [],
      idle: setTimeout(() => flow.destroy(), target.idleTimeoutMs),
      // The next datagram opens a flow of the new service, if it may.
      moved: (_to, sameAccess) => {
        if (!sameAccess) flow.destroy();
      },
      destroy: () => {
        if (this.#flows.get(key) !== flow) return;
        this.#flows.delete(key);
        clearTimeout(flow.idle);
        service.longLived.delete(flow);
        flow.socket?.close();
        metrics.udpActive.dec(account);
        onEnd({
          service,
          sourceAddress: address,
          durationMs: flow.lastMs - flow.startedMs,
          bytesFromClient: flow.fromClient,
          bytesToClient: flow.toClient,
          verdict,
          findings,
        });
      },
    };
    this.#flows.set(key, flow);
    service.longLived.add(flow);
    metrics.udpActive.inc(account);
    // Not waited for here: the other flows of the port go on.
    target.dialer.dialUdp(target.host, target.port).then(
      (socket) => this.#connected(key, flow, socket, from),
      () => {
        metrics.udpSessions.inc({ ...account, result: "dial_error" });
        target.probe.trafficFailed();
        flow.destroy();
      },
    );
    return flow;
  }

  #connected(key: string, flow: Flow, socket: TunnelDatagramSocket, from: RemoteInfo): void {
    const { metrics } = this.#parts;
    if (this.#flows.get(key) !== flow) {
      socket.close();
      return;
    }
    metrics.udpSessions.inc({ account_id: flow.service.accountId, result: "success" });
    flow.socket = socket;
    socket.onError(() => flow.destroy());
    socket.onMessage((datagram) => {
      flow.toClient += datagram.length;
      flow.lastMs = performance.now();
      flow.idle.refresh();
      metrics.udpPackets.inc({ direction: "backend_to_client" });
      metrics.udpBytes.inc({ direction: "backend_to_client" }, datagram.length);
      this.#socket?.send(datagram, from.port, from.address);
    });
    for (const datagram of flow.waiting) socket.send(datagram);
    flow.waiting = [];
  }

  #admit(): boolean {
    const nowMs = performance.now();
    const refill = ((nowMs - this.#refilledMs) / 1000) * NEW_FLOWS_PER_SECOND;
    this.#tokens = Math.min(NEW_FLOWS_BURST, this.#tokens + refill);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

function bound(port: number, address: string): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off("error", reject);
      // A client that went away answers with an ICMP error; that is no business of the others.
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}
