import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { AddressChecks } from "../access/address-checks.ts";
import { encodeProxyHeader } from "../listen/proxy-protocol.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../route/service.ts";
import { mayBeRelayed, refuseRelay } from "./refuse-relay.ts";
import type { RelayEnd } from "./relay-record.ts";

/** Per service, so that one busy service cannot close another one's door. */
const MAX_RELAYS = 4096;

export interface TcpRelayParts {
  readonly metrics: Metrics;
  readonly addressChecks: AddressChecks;
  readonly onEnd: (end: RelayEnd) => void;
}

export interface RelayClient {
  readonly address: string;
  readonly port: number;
}

/**
 * Carries one TCP connection to a service's target: restrictions, capacity, dial, PROXY header, bytes both ways. Ends
 * when both sides have finished, one breaks, or neither has sent anything for the idle time.
 */
export async function relayTcp(
  client: Socket,
  from: RelayClient,
  service: Service,
  parts: TcpRelayParts,
): Promise<void> {
  const { metrics, onEnd } = parts;
  const target = service.relay!;
  const startedMs = performance.now();
  const account = { account_id: service.accountId };
  client.on("error", () => {});
  const { verdict, findings } = refuseRelay(service, from.address, parts.addressChecks);
  if (verdict !== "" || service.longLived.size >= MAX_RELAYS) {
    metrics.tcpConnections.inc({ ...account, result: "rejected" });
    client.destroy();
    if (verdict !== "") {
      onEnd({
        service,
        sourceAddress: from.address,
        durationMs: 0,
        bytesFromClient: 0,
        bytesToClient: 0,
        verdict,
        findings,
      });
    }
    return;
  }
  const dialling = new AbortController();
  let holder = service;
  const placeholder = {
    destroy: () => client.destroy(),
    moved(to: Service, sameAccess: boolean): void {
      if (!sameAccess) client.destroy();
      else holder = to;
    },
  };
  service.longLived.add(placeholder);
  client.once("close", () => dialling.abort());
  let upstream: Duplex;
  try {
    upstream = await target.dialer.dial(target.host, target.port, target.dialTimeoutMs, dialling.signal);
  } catch {
    holder.longLived.delete(placeholder);
    metrics.tcpConnections.inc({ ...account, result: "dial_error" });
    target.probe.trafficFailed();
    client.destroy();
    return;
  }
  holder.longLived.delete(placeholder);
  if (client.destroyed) {
    upstream.on("error", () => {});
    upstream.destroy();
    return;
  }
  target.probe.trafficSucceeded(performance.now());
  metrics.tcpConnections.inc({ ...account, result: "success" });
  metrics.tcpActive.inc(account);
  if (target.proxyProtocol) {
    const destination = { address: client.localAddress ?? "0.0.0.0", port: client.localPort ?? 0 };
    upstream.write(encodeProxyHeader(from, destination));
  }
  const ended = await carry(client, upstream, holder, target.idleTimeoutMs, (to) =>
    mayBeRelayed(to, service, from.address, parts.addressChecks),
  );
  const durationMs = performance.now() - startedMs;
  metrics.tcpActive.dec(account);
  metrics.tcpMs.observe(account, durationMs);
  metrics.tcpBytes.inc({ direction: "client_to_backend" }, ended.fromClient);
  metrics.tcpBytes.inc({ direction: "backend_to_client" }, ended.toClient);
  onEnd({
    service,
    sourceAddress: from.address,
    durationMs,
    bytesFromClient: ended.fromClient,
    bytesToClient: ended.toClient,
    verdict,
    findings,
  });
}

function carry(
  client: Duplex,
  upstream: Duplex,
  service: Service,
  idleTimeoutMs: number,
  mayStay: (to: Service) => boolean,
): Promise<{ fromClient: number; toClient: number }> {
  return new Promise((resolve) => {
    let fromClient = 0;
    let toClient = 0;
    let closed = 0;
    let holder = service;
    const connection = {
      destroy(): void {
        client.destroy();
        upstream.destroy();
      },
      moved(to: Service, sameAccess: boolean): void {
        if (sameAccess) holder = to;
        else if (!mayStay(to)) connection.destroy();
        else {
          holder = to;
          to.longLived.add(connection);
        }
      },
    };
    const idle = setTimeout(connection.destroy, idleTimeoutMs);
    service.longLived.add(connection);
    const onClose = () => {
      closed += 1;
      // What one side still has in its buffers goes out before the other is closed; a break cuts both.
      if (closed < 2) return;
      clearTimeout(idle);
      holder.longLived.delete(connection);
      resolve({ fromClient, toClient });
    };
    for (const side of [client, upstream]) {
      side.on("error", connection.destroy);
      side.once("close", onClose);
    }
    client.once("close", () => upstream.writableEnded || upstream.destroy());
    upstream.once("close", () => client.writableEnded || client.destroy());
    client.on("data", (chunk: Buffer) => {
      fromClient += chunk.length;
      idle.refresh();
    });
    upstream.on("data", (chunk: Buffer) => {
      toClient += chunk.length;
      idle.refresh();
    });
    // `pipe` passes an end on as an end: half-closed connections stay useful.
    client.pipe(upstream);
    upstream.pipe(client);
  });
}
