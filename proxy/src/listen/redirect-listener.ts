import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Challenges } from "../cert/acme/challenges.ts";
import type { ListenAddress } from "../config.ts";
import { hostOf } from "../route/host-name.ts";
import type { TableHolder } from "../route/host-table.ts";

const CHALLENGE_PREFIX = "/.well-known/acme-challenge/";

/** Plain HTTP: challenges of the certificate authority are answered (RFC 8555 §8.3); everything for a published host goes to https, everything else is unknown. */
export class RedirectListener {
  readonly #server: Server;

  constructor(table: TableHolder, publicPort: number, challenges?: Challenges) {
    const port = publicPort === 443 ? "" : `:${publicPort}`;
    this.#server = createServer({ maxHeaderSize: 16_384, headersTimeout: 10_000 }, (request, response) => {
      const host = hostOf(request.headers.host ?? "");
      if (challenges !== undefined && host !== undefined && request.url?.startsWith(CHALLENGE_PREFIX)) {
        void answerChallenge(challenges, host, request, response);
        return;
      }
      if (host === undefined || !table.current.http.has(host) || !request.url?.startsWith("/")) {
        response
          .writeHead(host === undefined ? 400 : 404, { "content-length": 0, connection: "close" })
          .end();
        return;
      }
      // 308 keeps method and body; browsers remember it no longer than other pages.
      response
        .writeHead(308, {
          location: `https://${host}${port}${request.url}`,
          "content-length": 0,
          "cache-control": "no-store",
        })
        .end();
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

async function answerChallenge(
  challenges: Challenges,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await challenges.forToken(host, request.url!.slice(CHALLENGE_PREFIX.length));
  const body = answer?.keyAuthorization ?? "";
  response
    .writeHead(answer === undefined ? 404 : 200, {
      "content-type": "application/octet-stream",
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
    })
    .end(request.method === "HEAD" ? undefined : body);
}
