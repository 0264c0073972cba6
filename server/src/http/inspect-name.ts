import { type AccountId, AppError, errorCodes } from "@netbird-proxy/proto";
import type { CommandContext } from "../commands/context.ts";
import type { DnsLookup } from "../dns/dns-lookup.ts";
import { findCaa } from "../dns/find-caa.ts";
import { lookUpNames } from "../dns/look-up-names.ts";
import { coversName, credentialsFor, orderNameOf } from "../domain/certificate-names.ts";
import { type Cluster, clustersOf } from "../domain/clusters.ts";
import { deriveCluster } from "../domain/derive-cluster.ts";
import { isDomainName } from "../domain/domain-name.ts";
import type { PreflightInput } from "../domain/preflight.ts";
import { type ChallengeProbe, newProbeAnswer } from "../net/probe-challenge.ts";
import { listDnsCredentials } from "../store/dns-credentials.ts";
import { listDomains } from "../store/domains.ts";
import { deletePreflightChallenge, putPreflightChallenge } from "../store/preflight-challenges.ts";
import { listVisibleProxies } from "../store/proxies.ts";
import { findServiceByDomain } from "../store/services.ts";
import { getSharedCertificate } from "../store/shared-certificates.ts";
import { listUploadedCertificates } from "../store/uploaded-certificates.ts";
import { getWildcardCertificate } from "../store/wildcard-certificates.ts";

const CHALLENGE_MS = 60_000;
/** More addresses than that are not tried. */
const MAX_ADDRESSES = 8;

export interface InspectPorts {
  context: CommandContext;
  dns: DnsLookup;
  probe: ChallengeProbe;
}

type Names = PreflightInput["names"];

/** Finds out what {@link PreflightInput} is about; nothing is changed, and nothing is ordered. */
export async function inspectName(
  { context, dns, probe }: InspectPorts,
  account: AccountId,
  name: string,
): Promise<PreflightInput> {
  const { store, nowMs } = context;
  const { db } = store;
  const domain = name.toLowerCase();
  const input: PreflightInput = {
    domain,
    cluster: undefined,
    names: { domain: [], cluster: [] },
    certificate: undefined,
    acme: undefined,
    orderName: domain,
    credentials: undefined,
    caa: undefined,
    answers: undefined,
    nowMs: nowMs(),
  };
  const found = await findCluster(context, account, domain);
  if (found instanceof AppError) {
    const { code, message, hint } = found;
    return { ...input, refused: { code, message, hint: hint ?? errorCodes[code].hint } };
  }
  const { address, active } = found;
  input.cluster = { address, connected: active.length };
  input.acme = active.map(({ acme }) => acme).find((acme) => acme !== null) ?? undefined;
  if (active.length === 0) return input;
  const credentials = credentialsFor(domain, await listDnsCredentials(db, account));
  input.credentials = credentials;
  input.orderName = orderNameOf(domain, credentials);
  input.names = await lookUpNames(dns, domain, address);
  input.certificate = await existingCertificate(context, account, found, input);
  if (input.certificate || !input.acme) return input;
  try {
    input.caa = { found: await findCaa(dns, input.orderName) };
  } catch (error) {
    input.caa = { failed: `the lookup of CAA records failed: ${(error as Error).message}` };
  }
  const { challenge } = input.acme;
  if (!credentials && challenge !== "dns-01" && leadsToCluster(input.names)) {
    input.answers = await ask({ context, probe }, { cluster: found, domain, challenge, names: input.names });
  }
  return input;
}

async function findCluster(
  { store: { db }, nowMs }: CommandContext,
  account: AccountId,
  domain: string,
): Promise<Cluster | AppError> {
  if (!isDomainName(domain)) {
    return new AppError("domain.invalid", `${JSON.stringify(domain)} is no domain name`);
  }
  const service = await findServiceByDomain(db, domain);
  if (service && service.accountId !== account) {
    return new AppError("service.domain_taken", `domain ${domain} is already in use`);
  }
  const clusters = clustersOf(await listVisibleProxies(db, account), account, nowMs());
  const derived = deriveCluster(domain, clusters, await listDomains(db, account));
  if (!derived.ok) {
    const names = clusters.map(({ address }) => address).join(", ") || "none";
    const message = `${domain} is neither under a cluster (${names}) nor under a custom domain of the account`;
    return new AppError("service.no_cluster", message);
  }
  const cluster = clusters.find(({ address }) => address.toLowerCase() === derived.cluster.toLowerCase());
  if (cluster) return cluster;
  return new AppError("service.no_cluster", `no proxy of ${derived.cluster} has ever connected`);
}

/** In the order in which proxies choose. */
async function existingCertificate(
  { store: { db } }: CommandContext,
  accountId: AccountId,
  { address }: Cluster,
  { domain, orderName }: PreflightInput,
): Promise<PreflightInput["certificate"]> {
  const uploaded = (await listUploadedCertificates(db, accountId))
    .filter(({ domains }) => domains.some((pattern) => coversName(pattern, domain)))
    .sort((a, b) => b.notAfter - a.notAfter)[0];
  if (uploaded) return { source: `uploaded, ${uploaded.name}`, notAfter: uploaded.notAfter };
  const cluster = address.toLowerCase();
  const shared =
    orderName === domain
      ? await getSharedCertificate(db, cluster, domain)
      : await getWildcardCertificate(db, { cluster, name: orderName, accountId });
  return shared && { source: "ordered", notAfter: shared.expiresAt };
}

/** Nobody has us connect to machines that are not the cluster's. */
function leadsToCluster(names: Names): names is Extract<Names, { domain: readonly string[] }> {
  if ("failed" in names || names.domain.length === 0) return false;
  return names.domain.every((address) => names.cluster.includes(address));
}

async function ask(
  { context: { store, nowMs }, probe }: Pick<InspectPorts, "context" | "probe">,
  {
    cluster: { address },
    domain,
    challenge,
    names,
  }: {
    cluster: Cluster;
    domain: string;
    challenge: "tls-alpn-01" | "http-01";
    names: { domain: readonly string[] };
  },
): Promise<Map<string, string | undefined>> {
  const answer = newProbeAnswer(domain);
  const cluster = address.toLowerCase();
  await putPreflightChallenge(store.db, { cluster, ...answer, expiresAt: nowMs() + CHALLENGE_MS }, nowMs());
  try {
    const tried = names.domain.slice(0, MAX_ADDRESSES);
    return new Map(
      await Promise.all(tried.map(async (to) => [to, await probe.ask(challenge, to, answer)] as const)),
    );
  } finally {
    await deletePreflightChallenge(store.db, { cluster, name: domain, token: answer.token });
  }
}
