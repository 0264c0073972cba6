import { type Client, type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type ReasonCode, reasonCodes } from "@netbird-proxy/proto";
import type { certificates } from "@netbird-proxy/proto/grpc";
import type { ManagementClient } from "../../control/management-client.ts";
import { isUnimplemented } from "../../control/stream-failure.ts";
import { makePair, pairFingerprint } from "../pair.ts";
import type { BundleCipher } from "./bundle-cipher.ts";
import type { ChallengeAnswer, ChallengeSource } from "./challenges.ts";
import { DnsProblem } from "./problem.ts";
import { type Acquired, type IssuedPair, type Lease, type Vault, VaultUnavailable } from "./vault.ts";

type UnaryCall<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response: Response) => void,
) => unknown;

const CALL_MS = 10_000;
/** Name servers have a minute to show a record, and users may have us wait five more. */
const PRESENT_MS = 8 * 60_000;
const UNSUPPORTED_RETRY_MS = 60_000;

interface Granted {
  servedName: string;
  orderName: string;
  useDns: boolean;
  lease: string;
  leaseMs: number;
}

/**
 * The cluster's certificates, on the server: one order per name in the whole cluster, and any proxy answers any
 * challenge. With a server that does not know this, the proxy's own folder stands in.
 */
export class ClusterVault implements Vault, ChallengeSource {
  readonly #client: ManagementClient;
  readonly #proxyId: string;
  readonly #cipher: BundleCipher;
  readonly #alone: Vault;
  #unsupportedUntilMs = 0;
  /** Leases of orders under way, by name. */
  readonly #leases = new Map<string, string>();

  constructor(client: ManagementClient, proxyId: string, cipher: BundleCipher, alone: Vault) {
    this.#client = client;
    this.#proxyId = proxyId;
    this.#cipher = cipher;
    this.#alone = alone;
  }

  async acquire(name: string, have: string): Promise<Acquired> {
    const response = await this.#call<certificates.AcquireRequest, certificates.AcquireResponse>("acquire", {
      proxyId: this.#proxyId,
      name,
      have,
      dns: true,
    });
    if (response === undefined) return this.#alone.acquire(name, have);
    const { result, leaseMs, useDns } = response;
    const orderName = response.orderName || name;
    switch (result?.$case) {
      case "bundle":
        return {
          kind: "certificate",
          pair: JSON.parse(this.#cipher.open(result.value, orderName)) as IssuedPair,
        };
      case "lease":
        return {
          kind: "lease",
          lease: this.#lease({ servedName: name, orderName, useDns, lease: result.value, leaseMs }),
        };
      default:
        return { kind: "busy", retryInMs: result?.value ?? UNSUPPORTED_RETRY_MS };
    }
  }

  load(name: string): Promise<IssuedPair | undefined> {
    return this.#alone.load(name);
  }

  /** The server removes what it has together with the service. */
  remove(name: string): Promise<void> {
    return this.#alone.remove(name);
  }

  async accountKey(directoryUrl: string, make: () => Promise<string>): Promise<string> {
    const purpose = `account ${directoryUrl}`;
    const ask = (offer: Buffer) =>
      this.#call<certificates.AccountKeyRequest, certificates.AccountKeyResponse>("accountKey", {
        proxyId: this.#proxyId,
        directoryUrl,
        offer,
      });
    const known = await ask(Buffer.alloc(0));
    if (known === undefined) return this.#alone.accountKey(directoryUrl, make);
    if (known.key.byteLength > 0) return this.#cipher.open(known.key, purpose);
    // A proxy that was alone before brings its account along.
    const own = await this.#alone.accountKey(directoryUrl, make);
    const stored = await ask(this.#cipher.seal(own, purpose));
    return stored === undefined ? own : this.#cipher.open(stored.key, purpose);
  }

  async publish({ name, token, keyAuthorization }: ChallengeAnswer): Promise<void> {
    const lease = this.#leases.get(name);
    if (lease === undefined) return;
    await this.#call<certificates.PublishChallengeRequest, certificates.LeaseResponse>("publishChallenge", {
      proxyId: this.#proxyId,
      name,
      lease,
      token,
      keyAuthorization,
    }).catch(unavailable);
  }

  async challenge({ name, token }: { name: string; token: string }): Promise<ChallengeAnswer | undefined> {
    const found = await this.#call<certificates.FindChallengeRequest, certificates.FindChallengeResponse>(
      "findChallenge",
      { proxyId: this.#proxyId, name, token },
    );
    if (found === undefined || found.token === "") return undefined;
    return { name, token: found.token, keyAuthorization: found.keyAuthorization };
  }

  #lease({ servedName, orderName: name, useDns, lease, leaseMs }: Granted): Lease {
    const controller = new AbortController();
    const request: certificates.LeaseRequest = { proxyId: this.#proxyId, name, lease };
    this.#leases.set(name, lease);
    let goodUntilMs = performance.now() + leaseMs;
    const timer = setInterval(() => {
      this.#call<certificates.LeaseRequest, certificates.LeaseResponse>("extend", request).then(
        (response) => {
          if (response?.held) goodUntilMs = performance.now() + leaseMs;
          else controller.abort();
        },
        () => {
          // The server is away: the right stands until somebody else could have it.
          if (performance.now() > goodUntilMs) controller.abort();
        },
      );
    }, leaseMs / 3);
    timer.unref();
    const end = () => {
      clearInterval(timer);
      if (this.#leases.get(name) === lease) this.#leases.delete(name);
    };
    return {
      orderName: name,
      dns: useDns ? { present: (value) => this.#present(request, value) } : undefined,
      lost: controller.signal,
      release: async () => {
        end();
        await this.#call<certificates.LeaseRequest, certificates.LeaseResponse>("release", request);
      },
      save: async (pair) => {
        end();
        const { notAfterMs } = makePair(pair.certPem, pair.keyPem, name);
        const save: certificates.SaveRequest = {
          ...request,
          bundle: this.#cipher.seal(JSON.stringify(pair), name),
          fingerprint: pairFingerprint(pair),
          expiresAtUnixSeconds: BigInt(Math.floor(notAfterMs / 1000)),
          servedName: servedName === name ? "" : servedName,
        };
        await this.#insist(save);
      },
    };
  }

  async #present({ proxyId, name, lease }: certificates.LeaseRequest, value: string): Promise<void> {
    const response = await this.#call<certificates.PresentDnsRequest, certificates.PresentDnsResponse>(
      "presentDns",
      { proxyId, name, lease, value },
      PRESENT_MS,
    ).catch(unavailable);
    if (response === undefined || !response.held) {
      throw new VaultUnavailable("another proxy took the order over");
    }
    const { reason, message } = response;
    if (reason === "") return;
    const known = reason in reasonCodes ? (reason as ReasonCode) : "certificate.dns_refused";
    throw new DnsProblem(known, message);
  }

  /** A certificate that the cluster does not get would be ordered again: worth some patience with a server that restarts. */
  async #insist(save: certificates.SaveRequest): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#call<certificates.SaveRequest, certificates.SaveResponse>("save", save);
        return;
      } catch (error) {
        const { code } = error as ServiceError;
        const passing = code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
        if (!passing || tries >= 10) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * tries));
      }
    }
  }

  /** @returns undefined when the server has no such service @throws {ServiceError} */
  #call<Request, Response>(
    method: Exclude<keyof certificates.CertificateStoreClient, keyof Client>,
    request: Request,
    timeoutMs = CALL_MS,
  ): Promise<Response | undefined> {
    if (performance.now() < this.#unsupportedUntilMs) return Promise.resolve(undefined);
    const { certificateStore, metadata } = this.#client;
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response: Response) => {
        if (error === null) resolve(response);
        else if (isUnimplemented(error)) {
          this.#unsupportedUntilMs = performance.now() + UNSUPPORTED_RETRY_MS;
          resolve(undefined);
        } else reject(error);
      };
      const call = certificateStore[method].bind(certificateStore) as unknown as UnaryCall<Request, Response>;
      call(request, metadata, { deadline: Date.now() + timeoutMs }, done);
    });
  }
}

function unavailable(error: Error): never {
  throw new VaultUnavailable(error.message, { cause: error });
}
