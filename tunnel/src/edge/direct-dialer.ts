import { createSocket } from "node:dgram";
import { connect, isIP, isIPv6 } from "node:net";
import type { Dialer, DialOptions, DialTarget, TunnelDatagramSocket, TunnelSocket } from "../dialer.ts";
import { abortError, socketError } from "./tunnel-errors.ts";

const DEFAULT_DIAL_TIMEOUT_MS = 30_000;

/**
 * The host's own network, for targets that need no tunnel. `ping` has no unprivileged ICMP in Node, so it asks UDP: a host
 * that answers "port unreachable" is alive; silence counts as a timeout.
 */
export function createDirectDialer(): Dialer {
  return { dialTcp, dialUdp, ping };
}

async function dialTcp(target: DialTarget, options: DialOptions = {}): Promise<TunnelSocket> {
  const { signal, timeoutMs = DEFAULT_DIAL_TIMEOUT_MS } = options;
  if (signal?.aborted) throw abortError(signal.reason);
  const { host, port } = target;
  if (isIP(host) === 0) throw socketError("EINVAL", "connect", host, port);
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => socket.destroy(socketError("ETIMEDOUT", "connect", host, port)),
      timeoutMs,
    );
    const onAbort = () => socket.destroy(abortError(signal?.reason));
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("connect", onConnect);
      socket.off("error", onError);
    };
    const onConnect = () => {
      settle();
      resolve(socket as TunnelSocket);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    socket.once("connect", onConnect);
    socket.once("error", onError);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

async function dialUdp({ host, port }: DialTarget): Promise<TunnelDatagramSocket> {
  if (isIP(host) === 0) throw socketError("EINVAL", "connect", host, port);
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  let onError: ((error: NodeJS.ErrnoException) => void) | undefined;
  let closed = false;
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, host, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  socket.on("error", (error) => {
    if (!closed) onError?.(error);
  });
  return {
    remoteAddress: host,
    remotePort: port,
    send: (datagram) => {
      if (closed) return;
      socket.send(datagram, (error) => {
        if (error !== null && !closed) onError?.(error);
      });
    },
    onMessage: (listener) => {
      socket.on("message", (datagram) => listener(datagram));
    },
    onError: (listener) => {
      onError = listener;
    },
    close: () => {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}

/** "Discard"; closed on almost every host, which is the answer we want. */
const PROBE_PORT = 9;

async function ping(host: string, timeoutMs: number): Promise<number> {
  const startMs = performance.now();
  const probe = await dialUdp({ host, port: PROBE_PORT });
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(socketError("ETIMEDOUT", "ping", host)), timeoutMs);
      const answered = () => {
        clearTimeout(timer);
        resolve(performance.now() - startMs);
      };
      probe.onMessage(answered);
      probe.onError((error) => {
        if (error.code === "ECONNREFUSED") {
          answered();
          return;
        }
        clearTimeout(timer);
        reject(socketError("EHOSTUNREACH", "ping", host));
      });
      probe.send(new Uint8Array(1));
    });
  } finally {
    probe.close();
  }
}
