import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Ports handed out by this process, so that two callers never get the same one before they bind it. */
const taken = new Set<string>();

function tcpPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve(bound));
    });
  });
}

function udpPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(undefined));
    socket.bind({ port, address: "0.0.0.0", exclusive: true }, () => {
      const { port: bound } = socket.address();
      socket.close(() => resolve(bound));
    });
  });
}

/**
 * Below the range from which systems take the ports of outgoing connections (Linux: 32768, others: 49152): otherwise one of
 * those may get the port between this answer and whoever listens on it.
 */
const anyPort = () => 15_000 + Math.floor(Math.random() * 17_000);

/** The first wished port that is free, else any free one. */
export async function freePort(protocol: "tcp" | "udp", ...wished: (number | undefined)[]): Promise<number> {
  const probe = protocol === "tcp" ? tcpPort : udpPort;
  for (const port of [...wished, ...Array.from({ length: 20 }, anyPort)]) {
    if (port === undefined) continue;
    const found = await probe(port);
    if (found !== undefined && !taken.has(`${protocol}/${found}`)) {
      taken.add(`${protocol}/${found}`);
      return found;
    }
  }
  throw new Error(`no free ${protocol} port on this machine`);
}
