import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:tls";

/** A challenge that looks like the authority's. */
export interface ProbeAnswer {
  name: string;
  token: string;
  keyAuthorization: string;
}

/** Asks as the authority would. */
export interface ChallengeProbe {
  /** @returns undefined when the answer was right; else what happened instead */
  ask(type: "tls-alpn-01" | "http-01", address: string, answer: ProbeAnswer): Promise<string | undefined>;
}

const WAIT_MS = 5_000;
const MAX_ANSWER_BYTES = 1_024;

/** A token and key authorization that no authority has given out. */
export function newProbeAnswer(name: string): ProbeAnswer {
  const token = `preflight-${randomBytes(24).toString("base64url")}`;
  return { name, token, keyAuthorization: `${token}.${randomBytes(32).toString("base64url")}` };
}

/** @param ports where authorities ask: 443 and 80, and nothing else outside of tests */
export function createChallengeProbe({ httpsPort = 443, httpPort = 80 } = {}): ChallengeProbe {
  return {
    ask: (type, address, answer) =>
      type === "http-01" ? askHttp(address, httpPort, answer) : askTls(address, httpsPort, answer),
  };
}

/** Source: RFC 8555 §8.3. Redirects are not followed: ours answers directly. */
function askHttp(
  address: string,
  port: number,
  { name, token, keyAuthorization }: ProbeAnswer,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = request(
      {
        host: address,
        port,
        path: `/.well-known/acme-challenge/${token}`,
        headers: { host: name },
        agent: false,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
          if (body.length > MAX_ANSWER_BYTES) response.destroy();
        });
        response.on("close", () => {
          if (body.trim() === keyAuthorization) return resolve(undefined);
          resolve(
            `port ${port} answers with status ${response.statusCode} and not with the challenge's answer`,
          );
        });
      },
    );
    call.setTimeout(WAIT_MS, () => call.destroy(new Error(`no answer within ${WAIT_MS / 1000} s`)));
    call.on("error", (error) => resolve(`port ${port}: ${error.message}`));
    call.end();
  });
}

/** Source: RFC 8737 §3. */
function askTls(
  address: string,
  port: number,
  { name, keyAuthorization }: ProbeAnswer,
): Promise<string | undefined> {
  // DER of the octet string in the acmeIdentifier extension.
  const digest = createHash("sha256").update(keyAuthorization).digest();
  const extension = Buffer.concat([Buffer.from([0x04, 0x20]), digest]);
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      servername: name,
      ALPNProtocols: ["acme-tls/1"],
      // The certificate proves by its extension, and is signed by nobody.
      rejectUnauthorized: false,
    });
    const done = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(WAIT_MS, () => done(`port ${port}: no answer within ${WAIT_MS / 1000} s`));
    socket.on("error", (error) => done(`port ${port}: ${error.message}`));
    socket.once("close", () => done(`port ${port}: the connection was closed`));
    socket.once("secureConnect", () => {
      const { raw } = socket.getPeerCertificate();
      if (socket.alpnProtocol !== "acme-tls/1") return done(`port ${port} does not speak acme-tls/1`);
      done(raw?.includes(extension) ? undefined : `port ${port} answers with another certificate`);
    });
  });
}
