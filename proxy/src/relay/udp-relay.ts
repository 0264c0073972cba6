import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { TunnelDatagramSocket } from "@netbird-proxy/tunnel";
import type { AddressChecks } from "../access/address-checks.ts";
import { unmapAddress } from "../access/cidr.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../route/service.ts";
import { FlowAdmission } from "./flow-admission.ts";
import { FlowTable, type TabledFlow } from "./flow-table.ts";
import { mayBeRelayed, refuseRelay } from "./refuse-relay.ts";
import type { RelayEnd } from "./relay-record.ts";

const MAX_FLOWS = 4096;
/** Datagrams kept while the target is being dialled. */
const MAX_WAITING = 16;

export interface UdpRelayParts {
  readonly metrics: Metrics;
  readonly addressChecks: AddressChecks;
  readonly onEnd: (end: RelayEnd) => void;
  readonly maxFlows?: number;
  /** The service of this port now. */
  readonly service: () => Service | undefined;
}

interface Flow extends TabledFlow {
  service: Service;
  readonly address: string;
  readonly startedMs: number;
  fromClient: number;
  toClient: number;
  /** Undefined while it is being dialled. */
  socket: TunnelDatagramSocket | undefined;
  waiting: Buffer[];
  idle: NodeJS.Timeout;
  /** @param isLogged the access log has a record of it */
  end(isLogged: boolean): void;
  destroy(): void;
  moved(to: Service, sameAccess: boolean): void;
}

/** One UDP port: every client address is a flow of its own to the service's target. */
export class UdpRelay {
  #socket: Socket | undefined;
  readonly #flows: FlowTable<Flow>;
  readonly #admission = new FlowAdmission();
  readonly #parts: UdpRelayParts;

  constructor(parts: UdpRelayParts) {
    this.#parts = parts;
    this.#flows = new FlowTable(parts.maxFlows ?? MAX_FLOWS);
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
    for (const flow of this.#flows.all()) flow.destroy();
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
    if (!flow.isProven && flow.toClient > 0) {
      flow.isProven = true;
      this.#admission.proven(flow.address);
    }
    flow.fromClient += datagram.length;
    flow.lastMs = performance.now();
    this.#flows.used(flow);
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
    const nowMs = performance.now();
    const outgoing = this.#flows.outgoing(nowMs);
    if (outgoing === "full" || !this.#admission.admit(address, nowMs)) {
      metrics.udpSessions.inc({ ...account, result: "rejected" });
      return undefined;
    }
    if (outgoing !== undefined) {
      metrics.udpSessions.inc({ account_id: outgoing.service.accountId, result: "replaced" });
      // A flood would be in the access log datagram by datagram.
      outgoing.end(outgoing.isProven);
    }
    const target = service.relay!;
    const flow: Flow = {
      key,
      isProven: false,
      service,
      address,
      startedMs: nowMs,
      lastMs: nowMs,
      fromClient: 0,
      toClient: 0,
      socket: undefined,
      waiting: [],
      idle: setTimeout(() => flow.destroy(), target.idleTimeoutMs),
      moved: (to, sameAccess) => {
        const stays =
          leadsToSame(flow.service, to) &&
          (sameAccess || mayBeRelayed(to, flow.service, address, addressChecks));
        // The next datagram opens one of the service as it is now, if it may.
        if (!stays) return flow.destroy();
        flow.service = to;
        if (!sameAccess) to.longLived.add(flow);
      },
      destroy: () => flow.end(true),
      end: (isLogged) => {
        if (!this.#flows.delete(flow)) return;
        clearTimeout(flow.idle);
        flow.service.longLived.delete(flow);
        flow.socket?.close();
        metrics.udpActive.dec(account);
        if (!isLogged) return;
        onEnd({
          service: flow.service,
          sourceAddress: address,
          durationMs: flow.lastMs - flow.startedMs,
          bytesFromClient: flow.fromClient,
          bytesToClient: flow.toClient,
          verdict,
          findings,
        });
      },
    };
    this.#flows.add(flow);
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
}

/** Datagrams go on to where they went. */
function leadsToSame({ relay: before }: Service, { relay: now }: Service): boolean {
  return (
    before !== undefined &&
    now !== undefined &&
    before.host === now.host &&
    before.port === now.port &&
    before.dialer.key === now.dialer.key &&
    before.idleTimeoutMs === now.idleTimeoutMs
  );
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
