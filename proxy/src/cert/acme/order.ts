import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { createSecureContext, rootCertificates } from "node:tls";
import acme from "acme-client";
import { ConfigError } from "../../config.ts";
import { dnsNames } from "../pair.ts";
import type { Challenges } from "./challenges.ts";
import { AcmeProblem, DnsProblem, type ProblemDocument, parseRetryAfter } from "./problem.ts";
import type { DnsChallenge, IssuedPair } from "./vault.ts";

export type ChallengeType = "tls-alpn-01" | "http-01" | "dns-01";

export interface AuthoritySettings {
  readonly directoryUrl: string;
  readonly challenge: ChallengeType;
  readonly eab: { readonly kid: string; readonly hmacKey: string } | undefined;
  /** PEM file with further authorities to trust when talking to the directory. */
  readonly caFile: string | undefined;
}

const REQUEST_MS = 30_000;
/** Authorities forget nonces after a while; older ones are not worth a refusal. */
const NONCE_MS = 60_000;
const MAX_NONCES = 64;
/**
 * Refusals of one request. RFC 8555 §6.5 has the client try again, and an order that gives up instead is a second order
 * later: with the five of acme-client, an authority that refuses every fifth nonce spoils one order in 1,700.
 */
const MAX_BAD_NONCES = 20;
const POLL_MS = 250;
const MAX_POLL_MS = 5_000;
/** For everything between two states of an order. */
const STATE_MS = 120_000;

// Waiting is the schedule's business: a retry in here would be an order nobody counts.
(acme.axios.defaults as { acmeSettings?: { retryMaxAttempts: number } }).acmeSettings!.retryMaxAttempts = 0;

interface HttpResponse {
  status: number;
  headers: Record<string, string | undefined>;
  data: unknown;
}
type HttpRequest = (url: string, method: string, options?: Record<string, unknown>) => Promise<HttpResponse>;

/** Talks to one certificate authority with one account. */
export class Authority {
  readonly #settings: AuthoritySettings;
  readonly #accountKey: () => Promise<string>;
  readonly #agent: Agent;
  #client: Promise<acme.Client> | undefined;

  /**
   * @param accountKey PEM; asked for once
   * @throws {ConfigError} when the file with authorities cannot be read
   */
  constructor(settings: AuthoritySettings, accountKey: () => Promise<string>) {
    this.#settings = settings;
    this.#accountKey = accountKey;
    const ca =
      settings.caFile === undefined ? undefined : [...rootCertificates, readAuthorities(settings.caFile)];
    // Made once: reading some 150 authorities anew for every connection costs 60 ms each time.
    this.#agent = new Agent({ secureContext: createSecureContext({ ca }), keepAlive: true, maxSockets: 16 });
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * Orders a certificate for one name: a new ECDSA P-256 key, one identifier.
   *
   * @throws {AcmeProblem} in the authority's words, {DnsProblem}, or an error of the network
   */
  async order({ name, challenges, publish, dns, signal }: OrderTask): Promise<IssuedPair> {
    if (this.#settings.challenge === "dns-01" && dns === undefined) {
      throw new DnsProblem(
        "certificate.dns_credentials_missing",
        `the management server has no DNS credentials for ${name}`,
      );
    }
    const client = await this.#connect();
    const order = await client.createOrder({ identifiers: [{ type: "dns", value: name }] });
    for (const authorization of await client.getAuthorizations(order)) {
      if (authorization.status !== "valid")
        await this.#prove(client, authorization, { name, challenges, publish, dns, signal });
    }
    const [key, csr] = await acme.crypto.createCsr(
      { commonName: "", altNames: [name] },
      await acme.crypto.createPrivateEcdsaKey("P-256"),
    );
    const ready = await poll(
      () => client.getOrder(order),
      ({ status }) => status !== "pending",
      signal,
    );
    if (ready.status === "invalid") throw orderProblem(ready);
    const finalized = ready.status === "ready" ? await client.finalizeOrder(ready, csr) : ready;
    const done = await poll(
      async () => (finalized.status === "valid" ? finalized : client.getOrder(order)),
      ({ status }) => status === "valid" || status === "invalid",
      signal,
    );
    if (done.status === "invalid") throw orderProblem(done);
    const certPem = await client.getCertificate(done);
    if (!dnsNames(new X509Certificate(certPem)).includes(name))
      throw new AcmeProblem({ detail: `the certificate is not for ${name}` }, 200);
    return { certPem, keyPem: key.toString() };
  }

  /** What CAA records have to name for it to issue (RFC 8555 §7.1.1); empty when it does not say. */
  async caaIdentities(): Promise<string[]> {
    const client = await this.#connect();
    const { http } = client as unknown as { http: { getMetaField(field: string): Promise<unknown> } };
    const names = await http.getMetaField("caaIdentities");
    return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [];
  }

  /** The time window in which the authority wants the certificate renewed (RFC 9773); undefined when it does not say. */
  async renewalWindow(
    certificateId: string,
  ): Promise<{ startMs: number; endMs: number; retryAfterMs: number | undefined } | undefined> {
    const client = await this.#connect();
    const { http } = client as unknown as {
      http: { getDirectory(): Promise<Record<string, unknown>>; request: HttpRequest };
    };
    const base = (await http.getDirectory()).renewalInfo;
    if (typeof base !== "string") return undefined;
    const response = await http.request(`${base.replace(/\/$/, "")}/${certificateId}`, "get");
    const window = (response.data as { suggestedWindow?: { start?: string; end?: string } }).suggestedWindow;
    const startMs = Date.parse(window?.start ?? "");
    const endMs = Date.parse(window?.end ?? "");
    if (!(endMs > startMs)) return undefined;
    return { startMs, endMs, retryAfterMs: parseRetryAfter(response.headers["retry-after"], Date.now()) };
  }

  async #prove(
    client: acme.Client,
    authorization: acme.Authorization,
    { name, challenges, publish, dns, signal }: OrderTask,
  ): Promise<void> {
    const type: ChallengeType = dns === undefined ? this.#settings.challenge : "dns-01";
    const challenge = authorization.challenges.find((offered) => (offered.type as string) === type);
    if (challenge === undefined) {
      const offered = authorization.challenges.map(({ type: other }) => other).join(", ");
      throw new AcmeProblem(
        { detail: `the certificate authority offers ${offered || "no challenge"}, not ${type}` },
        200,
      );
    }
    const keyAuthorization = await client.getChallengeKeyAuthorization(challenge);
    if (dns !== undefined) {
      await dns.present(keyAuthorization);
      return this.#validate(client, authorization, challenge, signal);
    }
    const answer = { name, token: challenge.token, keyAuthorization };
    challenges.set(answer);
    try {
      // Before the authority is told to look: it may ask another proxy first.
      await publish(answer);
      await this.#validate(client, authorization, challenge, signal);
    } finally {
      challenges.clear(name);
    }
  }

  /** Has the authority look, and waits for what it finds. */
  async #validate(
    client: acme.Client,
    authorization: acme.Authorization,
    challenge: Parameters<acme.Client["completeChallenge"]>[0],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    await client.completeChallenge(challenge);
    const [decided] = await poll(
      () => client.getAuthorizations({ authorizations: [authorization.url] } as acme.Order),
      ([{ status } = { status: "pending" }]) => status !== "pending",
      signal,
    );
    if (decided?.status === "valid") return;
    const error = decided?.challenges.find((tried) => (tried as { error?: ProblemDocument }).error) as
      | { error: ProblemDocument }
      | undefined;
    throw new AcmeProblem(
      error?.error ?? { detail: `the authorization is ${decided?.status}` },
      error?.error.status ?? 400,
    );
  }

  /** One account for all orders; made when it is first needed, and again after a failure. */
  #connect(): Promise<acme.Client> {
    this.#client ??= this.#register().catch((error) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #register(): Promise<acme.Client> {
    const { directoryUrl, eab } = this.#settings;
    const client = new acme.Client({
      directoryUrl,
      accountKey: await this.#accountKey(),
      ...(eab === undefined ? {} : { externalAccountBinding: eab }),
    });
    this.#watchResponses(client);
    this.#reuseNonces(client);
    // Not client.createAccount: it sends an empty update to an account that exists, which authorities may refuse.
    const { api } = client as unknown as { api: { createAccount(data: object): Promise<unknown> } };
    await api.createAccount({ termsOfServiceAgreed: true });
    return client;
  }

  /**
   * Every answer brings a nonce for the next request (RFC 8555 §6.5); acme-client asks for each one anew, which doubles
   * the requests. One that got too old is refused with `badNonce` and a fresh one, which acme-client sends then.
   */
  #reuseNonces(client: acme.Client): void {
    const { http } = client as unknown as {
      http: { request: HttpRequest; getNonce(): Promise<string>; maxBadNonceRetries: number };
    };
    http.maxBadNonceRetries = MAX_BAD_NONCES;
    const nonces: { value: string; atMs: number }[] = [];
    const request = http.request.bind(http);
    http.request = async (url, method, options) => {
      const response = await request(url, method, options);
      const value = response.headers["replay-nonce"];
      // A HEAD for a nonce is answered with the one that its caller uses.
      if (value !== undefined && method !== "head" && response.status < 400) {
        nonces.push({ value, atMs: performance.now() });
        if (nonces.length > MAX_NONCES) nonces.shift();
      }
      return response;
    };
    const fetchNonce = http.getNonce.bind(http);
    http.getNonce = async () => {
      const newest = nonces.pop();
      return newest !== undefined && performance.now() - newest.atMs < NONCE_MS ? newest.value : fetchNonce();
    };
  }

  /** acme-client turns problem documents into sentences; type and Retry-After are what the schedule lives on. */
  #watchResponses(client: acme.Client): void {
    const { http } = client as unknown as { http: { request: HttpRequest } };
    const request = http.request.bind(http);
    http.request = async (url, method, options = {}) => {
      const more = { httpsAgent: this.#agent, timeout: REQUEST_MS, maxRedirects: 3 };
      const response = await request(url, method, { ...options, ...more });
      if (response.status < 400) return response;
      const document = (
        typeof response.data === "object" && response.data !== null ? response.data : {}
      ) as ProblemDocument;
      // Answered with a fresh nonce inside of acme-client.
      if (document.type?.endsWith(":badNonce")) return response;
      if (document.type?.endsWith(":accountDoesNotExist")) this.#client = undefined;
      const retryAfterMs = parseRetryAfter(response.headers["retry-after"], Date.now());
      throw new AcmeProblem(document, response.status, retryAfterMs);
    };
  }
}

export interface OrderTask {
  /** May be a wildcard, with `dns`. */
  readonly name: string;
  readonly challenges: Challenges;
  readonly publish: Publish;
  /** Set: the authority is answered with dns-01. */
  readonly dns: DnsChallenge | undefined;
  /** Gives up; the order is left to expire. */
  readonly signal: AbortSignal;
}

/** Makes an answer known to whoever the authority may ask. */
export type Publish = (answer: { name: string; token: string; keyAuthorization: string }) => Promise<void>;

export async function newAccountKey(): Promise<string> {
  return (await acme.crypto.createPrivateEcdsaKey("P-256")).toString();
}

/** The certificate that answers tls-alpn-01 (RFC 8737 §3). */
export async function challengeCertificate(name: string, keyAuthorization: string): Promise<IssuedPair> {
  const key = await acme.crypto.createPrivateEcdsaKey("P-256");
  const authorization = { identifier: { type: "dns", value: name } } as acme.Authorization;
  const [keyPem, certPem] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization, key);
  return { keyPem: keyPem.toString(), certPem: certPem.toString() };
}

function orderProblem(order: acme.Order): AcmeProblem {
  const error = (order as { error?: ProblemDocument }).error;
  return new AcmeProblem(error ?? { detail: "the order became invalid" }, error?.status ?? 400);
}

async function poll<T>(
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const deadlineMs = performance.now() + STATE_MS;
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.5, MAX_POLL_MS)) {
    signal.throwIfAborted();
    const value = await read();
    if (isDone(value)) return value;
    if (performance.now() > deadlineMs) throw new Error("an order makes no progress");
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([
      `NB_PROXY_ACME_CA_FILE: ${(error as Error).message}: give a PEM file that the proxy may read`,
    ]);
  }
}
