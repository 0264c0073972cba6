import type { control } from "@netbird-proxy/proto/grpc";
import { type AcmeConfig, ConfigError } from "../../config.ts";
import type { ManagementClient } from "../../control/management-client.ts";
import type { Logger } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { AcmeCertificates, type AcmeCertificatesParts } from "./acme-certificates.ts";
import { createBundleCipher } from "./bundle-cipher.ts";
import { Challenges } from "./challenges.ts";
import { ClusterVault } from "./cluster-vault.ts";
import { FolderVault } from "./folder-vault.ts";
import { Authority, newAccountKey } from "./order.ts";

/** How often the authority is asked what CAA records have to name. */
const IDENTITIES_MS = 600_000;

export interface Acme {
  readonly challenges: Challenges;
  /** Undefined: no certificates are ordered. */
  readonly certificates: AcmeCertificates | undefined;
  /** For the server; undefined when no certificates are ordered. */
  report(): control.AcmeReport | undefined;
  close(): void;
}

export interface StartAcmeParts {
  readonly client: ManagementClient;
  readonly proxyId: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly onChange: (names: readonly string[]) => void;
  readonly times?: AcmeTimes;
}

/** Another clock and shorter waits, for whoever cannot wait for months. */
export type AcmeTimes = Partial<Pick<AcmeCertificatesParts, "nowMs" | "retry" | "random">>;

/** @throws {ConfigError} when the folder or the file with authorities cannot be used */
export async function startAcme(
  config: AcmeConfig | undefined,
  { client, proxyId, log, metrics, onChange, times = {} }: StartAcmeParts,
): Promise<Acme> {
  const challenges = new Challenges();
  if (config === undefined)
    return { challenges, certificates: undefined, report: () => undefined, close: () => {} };
  const folder = new FolderVault(config.folder);
  await folder.prepare().catch((error: Error) => {
    throw new ConfigError([
      `NB_PROXY_CERTIFICATE_DIRECTORY: ${error.message}: with ACME the proxy keeps certificates there and must be able to write`,
    ]);
  });
  const vault = new ClusterVault(client, proxyId, createBundleCipher(config.clusterSecret), folder);
  challenges.cluster = vault;
  const authority = new Authority(config, () => vault.accountKey(config.directoryUrl, newAccountKey));
  const certificates = new AcmeCertificates({
    authority,
    folder,
    vault,
    challenges,
    publish: (answer) => vault.publish(answer),
    maxInFlight: config.maxOrders,
    log,
    ...times,
    onChange: (names) => {
      for (const [state, count] of Object.entries(certificates.counts))
        metrics.certificates.set({ state }, count);
      const expiresMs = certificates.nextChangeMs(Date.now());
      if (expiresMs !== undefined) metrics.certificateExpiry.set(Math.floor(expiresMs / 1000));
      onChange(names);
    },
    onOrder: (result) => metrics.certificateOrders.inc({ result }),
  });
  let caaIdentities: string[] = [];
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const askIdentities = () => {
    if (performance.now() - askedAtMs < IDENTITIES_MS) return;
    askedAtMs = performance.now();
    authority.caaIdentities().then(
      (names) => {
        if (names.join() === caaIdentities.join()) return;
        caaIdentities = names;
        // The server hears of it with a report.
        onChange([]);
      },
      // An authority that is away shows in the orders.
      () => {},
    );
  };
  return {
    challenges,
    certificates,
    report: () => {
      askIdentities();
      const { directoryUrl, challenge } = config;
      return { directoryUrl, challenge, caaIdentities, ...certificates.orders };
    },
    close: () => {
      certificates.close();
      authority.close();
    },
  };
}
