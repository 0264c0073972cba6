import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LocalDecision {
  id: number;
  type: string;
  scope: string;
  value: string;
  duration: string;
}

/** CrowdSec's local API as far as a bouncer sees it, whose every answer the test decides: for faults only. */
export class ScriptedLocalApi {
  /** Query strings of what was asked, in order. */
  readonly asked: URLSearchParams[] = [];
  readonly userAgents: string[] = [];
  key = "right";
  /** In front of /v1. */
  prefix = "";
  decisions: LocalDecision[] = [];
  /** Sent to whoever asks for changes, once. */
  added: LocalDecision[] = [];
  removed: LocalDecision[] = [];
  /** Instead of answering. */
  fault: ((response: ServerResponse) => void) | undefined;
  #server: Server | undefined;
  port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    this.#server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>((resolve) => this.#server!.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.url);
    this.asked.push(url.searchParams);
    this.userAgents.push(request.headers["user-agent"] ?? "");
    if (this.fault !== undefined) {
      this.fault(response);
    } else if (url.pathname !== `${this.prefix}/v1/decisions/stream`) {
      response.writeHead(404).end();
    } else if (request.headers["x-api-key"] !== this.key) {
      response.writeHead(403).end('{"message":"access forbidden"}');
    } else if (url.searchParams.get("startup") === "true") {
      this.added = [];
      this.removed = [];
      response.end(JSON.stringify({ new: this.decisions, deleted: null }));
    } else {
      response.end(JSON.stringify({ new: this.added, deleted: this.removed }));
      this.added = [];
      this.removed = [];
    }
  }
}
