import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { TunnelDatagramSocket } from "@netbird-proxy/tunnel";

export interface FlowTarget {
  /** IP literals, best first; the next one is tried while nobody has answered and the one before refuses. */
  addresses: readonly string[];
  port: number;
  idleTimeoutMs: number;
}

export interface Flow {
  close(): void;
}

/** Datagrams of a flow that wait while the socket to the target is being made. */
const MAX_WAITING = 64;

/** Carries datagrams between a tunnel flow and a connected UDP socket of this host. */
export function forwardFlow(tunnel: TunnelDatagramSocket, target: FlowTarget, onClosed: () => void): Flow {
  let socket: Socket | undefined;
  let candidate = 0;
  let answered = false;
  let closed = false;
  let waiting: Uint8Array[] = [];
  /** The first datagram, for the next candidate when the first one refuses it. */
  let first: Uint8Array | undefined;

  let send: (datagram: Uint8Array) => void = () => {};

  const close = () => {
    if (closed) return;
    closed = true;
    clearTimeout(idle);
    tunnel.close();
    try {
      socket?.close();
    } catch {
      // Closed by its own error already.
    }
    onClosed();
  };
  const idle = setTimeout(close, target.idleTimeoutMs);

  const open = () => {
    const address = target.addresses[candidate];
    if (address === undefined) return close();
    const opened = createSocket({ type: isIPv6(address) ? "udp6" : "udp4" });
    socket = opened;
    let connected = false;
    const failed = (error: NodeJS.ErrnoException) => {
      if (closed || socket !== opened) return;
      // A target that has answered before may be restarting; its clients will ask again.
      if (answered && error.code === "ECONNREFUSED") return;
      candidate += 1;
      socket = undefined;
      opened.close();
      if (answered) return close();
      open();
    };
    opened.on("error", failed);
    opened.on("message", (datagram) => {
      answered = true;
      first = undefined;
      idle.refresh();
      tunnel.send(datagram);
    });
    opened.connect(target.port, address, (error?: Error) => {
      if (error) return failed(error);
      if (closed) return;
      connected = true;
      const queued = waiting;
      waiting = [];
      if (first !== undefined && !queued.includes(first)) opened.send(first);
      for (const datagram of queued) opened.send(datagram);
    });
    send = (datagram) => {
      if (connected) opened.send(datagram);
      else if (waiting.length < MAX_WAITING) waiting.push(datagram);
    };
  };
  tunnel.onError((error) => {
    // An answer too large for the tunnel is lost, as on any path; the flow goes on.
    if (error.code !== "EMSGSIZE") close();
  });
  open();
  tunnel.onMessage((datagram) => {
    if (closed) return;
    idle.refresh();
    if (!answered) first ??= datagram;
    send(datagram);
  });
  return { close };
}
