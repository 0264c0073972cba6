import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type {
  IncomingConnection,
  IncomingFlow,
  TunnelDatagramSocket,
  TunnelSocket,
} from "@netbird-proxy/tunnel";

export type Outcome = "accepted" | "refused" | "unreachable" | "drop";

export interface Origin {
  remoteAddress?: string;
  localAddress: string;
  localPort: number;
}

/** A connection that a proxy opens, with a loopback connection for a wire: real back-pressure, half-close and resets. */
export interface ProxyConnection {
  incoming: IncomingConnection;
  /** The proxy's end. */
  proxy: Socket;
  outcome: Promise<Outcome>;
}

export async function proxyConnection(origin: Origin): Promise<ProxyConnection> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    allowHalfOpen: true,
    noDelay: true,
  });
  const [tunnelEnd] = (await once(server, "connection")) as [Socket];
  server.close();
  proxy.on("error", () => {});
  let decide: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    decide = resolve;
  });
  const incoming: IncomingConnection = {
    remoteAddress: "100.64.0.9",
    remotePort: 40_000,
    peer: new Uint8Array(32),
    ...origin,
    accept() {
      decide("accepted");
      return tunnelEnd as unknown as TunnelSocket;
    },
    refuse(how) {
      decide(how);
      tunnelEnd.destroy();
    },
  };
  return { incoming, proxy, outcome };
}

export interface ProxyFlow {
  incoming: IncomingFlow;
  outcome: Promise<Outcome>;
  /** Sends a datagram from the proxy. */
  send(text: string): void;
  /** What came back. */
  received: string[];
  closed: () => boolean;
}

/** A UDP flow that a proxy opens; the first datagram waits for the decision, as in the tunnel. */
export function proxyFlow(origin: Origin, first: string): ProxyFlow {
  const received: string[] = [];
  const waiting = [first];
  let listener: ((datagram: Uint8Array) => void) | undefined;
  let closed = false;
  let decide: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    decide = resolve;
  });
  const remote = { remoteAddress: "100.64.0.9", remotePort: 40_000 };
  const socket: TunnelDatagramSocket = {
    ...remote,
    send: (datagram) => void received.push(Buffer.from(datagram).toString()),
    onMessage(deliver) {
      listener = deliver;
      for (const text of waiting.splice(0)) deliver(Buffer.from(text));
    },
    onError() {},
    close() {
      closed = true;
    },
  };
  return {
    incoming: {
      ...remote,
      peer: new Uint8Array(32),
      ...origin,
      accept() {
        decide("accepted");
        return socket;
      },
      refuse: decide,
    },
    outcome,
    send: (text) => (listener ? listener(Buffer.from(text)) : waiting.push(text)),
    received,
    closed: () => closed,
  };
}
