import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { ChallengeAnswer, Challenges } from "../cert/acme/challenges.ts";
import { challengeCertificate } from "../cert/acme/order.ts";
import { readPreamble } from "./accept.ts";
import { peekClientHello } from "./client-hello.ts";

export const ACME_PROTOCOL = "acme-tls/1";
const HANDSHAKE_MS = 10_000;

/**
 * Answers tls-alpn-01: a handshake with the protocol `acme-tls/1` gets a certificate made for the challenge, and nothing
 * else ever gets it. Source: RFC 8737 §3.
 */
export class AlpnChallenge {
  readonly #challenges: Challenges;
  #made: { keyAuthorization: string; context: SecureContext } | undefined;

  constructor(challenges: Challenges) {
    this.#challenges = challenges;
  }

  /**
   * Looks at the start of a connection.
   *
   * @param onwards takes every connection that is not about a challenge, with nothing read from it
   */
  async sort(socket: Socket, onwards: () => void): Promise<void> {
    let challenged: string | undefined;
    const ok = await readPreamble(
      socket,
      (data) => {
        const peeked = peekClientHello(data);
        if (peeked.kind === "incomplete") return "more";
        if (peeked.kind === "hello" && peeked.protocols.includes(ACME_PROTOCOL))
          challenged = peeked.serverName;
        return 0;
      },
      // Whoever waits for the server to speak first is not here for a challenge.
      { silence: "enough" },
    );
    if (!ok) return;
    if (challenged === undefined) onwards();
    else await this.#answer(socket, challenged);
  }

  async #answer(socket: Socket, name: string): Promise<void> {
    socket.on("error", () => {});
    const answer = await this.#challenges.forName(name);
    if (answer === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: await this.#context(answer),
      ALPNProtocols: [ACME_PROTOCOL],
    });
    const timer = setTimeout(() => secure.destroy(), HANDSHAKE_MS);
    // The authority has seen what it came for; no byte of application data follows.
    secure.once("secure", () => secure.end());
    secure.on("error", () => secure.destroy());
    secure.once("close", () => clearTimeout(timer));
    secure.resume();
  }

  async #context({ name, keyAuthorization }: ChallengeAnswer): Promise<SecureContext> {
    // The authority looks from several places at once.
    if (this.#made?.keyAuthorization === keyAuthorization) return this.#made.context;
    const { certPem, keyPem } = await challengeCertificate(name, keyAuthorization);
    const context = createSecureContext({ cert: certPem, key: keyPem, minVersion: "TLSv1.2" });
    this.#made = { keyAuthorization, context };
    return context;
  }
}
