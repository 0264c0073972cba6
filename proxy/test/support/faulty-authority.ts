import { createServer, request, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { issueCertificate } from "../../../scripts/stack/local-ca.ts";
import type { Pebble } from "./pebble.ts";
import { testAuthority } from "./proxy.ts";

/** What is answered instead of the authority; "hang up" closes the connection. */
export type Fault = { status: number; headers?: Record<string, string>; body?: unknown } | "hang up";

/**
 * Stands between proxies and a real authority, and answers some requests itself. The authority makes its addresses from
 * the Host header, so that everything comes through here.
 */
export class FaultyAuthority {
  /** Asked for every request; undefined lets it through. */
  fault: (path: string) => Fault | undefined = () => undefined;
  /** Paths of the requests, with the time they came, newest last. */
  readonly requests: { path: string; atMs: number }[] = [];
  readonly #pebble: Pebble;
  #server: Server | undefined;

  constructor(pebble: Pebble) {
    this.#pebble = pebble;
  }

  get directoryUrl(): string {
    return `https://localhost:${(this.#server!.address() as AddressInfo).port}/dir`;
  }

  async start(): Promise<this> {
    const ca = await testAuthority();
    const { certificate, key } = await issueCertificate(ca, ["localhost"]);
    this.#server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
      const path = incoming.url ?? "/";
      this.requests.push({ path, atMs: Date.now() });
      const fault = this.fault(path);
      if (fault === "hang up") {
        incoming.socket.destroy();
        return;
      }
      if (fault !== undefined) {
        incoming.resume();
        outgoing.writeHead(fault.status, { "content-type": "application/problem+json", ...fault.headers });
        outgoing.end(JSON.stringify(fault.body ?? {}));
        return;
      }
      const { hostname, port } = new URL(this.#pebble.directoryUrl);
      const onwards = request(
        {
          host: hostname,
          port,
          path,
          method: incoming.method!,
          headers: incoming.headers,
          ca: ca.certificate,
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onwards.on("error", () => incoming.socket.destroy());
      incoming.pipe(onwards);
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, "127.0.0.1", resolve));
    return this;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
