import { createServer, type Server } from "node:http";
import type { ListenAddress } from "../config.ts";
import type { Metrics } from "./metrics.ts";

/** What the health checks answer from. */
export interface HealthState {
  /** A configuration is being served: from the server, or from disk. */
  readonly configurationLoaded: () => boolean;
  readonly managementConnected: () => boolean;
  /** The first complete state of this process has come from the server. */
  readonly initialSyncComplete: () => boolean;
  readonly shuttingDown: () => boolean;
}

/**
 * Health checks and metrics. Ready means: there is something to serve and the proxy is not going down. It does not mean
 * that the management server is there: an outage of it must not take every proxy out of rotation.
 */
export class HealthServer {
  readonly #server: Server;

  constructor(state: HealthState, metrics: Metrics) {
    this.#server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
      const path = request.url?.split("?")[0];
      if (path === "/metrics") {
        metrics.registry.metrics().then(
          (text) => response.writeHead(200, { "content-type": metrics.registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        );
        return;
      }
      const answer = check(path, state);
      if (answer === undefined) {
        response.writeHead(404, { "content-length": 0 }).end();
        return;
      }
      response
        .writeHead(answer.ok ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" })
        .end(`${JSON.stringify({ status: answer.ok ? "ok" : "fail", ...answer.body })}\n`);
    });
  }

  /** @throws the error of bind @returns the port really bound */
  listen({ host, port }: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => {});
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function check(path: string | undefined, state: HealthState): { ok: boolean; body: object } | undefined {
  const checks = {
    management_connected: state.managementConnected(),
    initial_sync_complete: state.initialSyncComplete(),
    configuration_loaded: state.configurationLoaded(),
    shutting_down: state.shuttingDown(),
  };
  const ready = checks.configuration_loaded && !checks.shutting_down;
  switch (path) {
    case "/healthz/live":
    case "/livez":
      return { ok: true, body: {} };
    case "/healthz/ready":
    case "/readyz":
    case "/healthz":
      return { ok: ready, body: { checks } };
    case "/healthz/startup":
      return { ok: checks.configuration_loaded, body: { checks } };
    default:
      return undefined;
  }
}
