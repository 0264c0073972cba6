import type { AccountId, ProxyId, ServiceId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A certificate with its key that the proxies of a cluster share. */
export interface SharedCertificate {
  /** Lower case. */
  cluster: string;
  name: string;
  serviceId: ServiceId;
  /** What the proxies stored, sealed once more for the disk. */
  sealedBundle: string;
  fingerprint: string;
  expiresAt: number;
  savedAt: number;
}

/** The right of one proxy to order for a name. */
export interface CertificateLease {
  cluster: string;
  name: string;
  serviceId: ServiceId;
  lease: string;
  proxyId: ProxyId;
  expiresAt: number;
  /** Empty until the authority has set a challenge. */
  challengeToken: string;
  keyAuthorization: string;
}

const certificateCodec = rowCodec<SharedCertificate>({
  cluster: "text",
  name: "text",
  serviceId: "text",
  sealedBundle: "text",
  fingerprint: "text",
  expiresAt: "integer",
  savedAt: "integer",
});

const leaseCodec = rowCodec<CertificateLease>({
  cluster: "text",
  name: "text",
  serviceId: "text",
  lease: "text",
  proxyId: "text",
  expiresAt: "integer",
  challengeToken: "text",
  keyAuthorization: "text",
});

export async function getSharedCertificate(
  db: Db,
  cluster: string,
  name: string,
): Promise<SharedCertificate | undefined> {
  const row = await db("shared_certificates").where({ cluster, name }).first(certificateCodec.columns);
  return row && certificateCodec.fromRow(row);
}

/** Replaces what there was for the name; what the service's former name left behind goes too. */
export async function saveSharedCertificate(db: Db, certificate: SharedCertificate): Promise<void> {
  await db("shared_certificates")
    .where({ service_id: certificate.serviceId })
    .whereNot({ name: certificate.name })
    .delete();
  await db("shared_certificates")
    .insert(certificateCodec.toRow(certificate))
    .onConflict(["cluster", "name"])
    .merge();
}

export async function getCertificateLease(
  db: Db,
  cluster: string,
  name: string,
): Promise<CertificateLease | undefined> {
  const row = await db("certificate_leases").where({ cluster, name }).first(leaseCodec.columns);
  return row && leaseCodec.fromRow(row);
}

export async function putCertificateLease(db: Db, lease: CertificateLease): Promise<void> {
  await db("certificate_leases").insert(leaseCodec.toRow(lease)).onConflict(["cluster", "name"]).merge();
}

/** @returns false when the lease is not there any more */
export async function updateCertificateLease(
  db: Db,
  { cluster, name, lease }: Pick<CertificateLease, "cluster" | "name" | "lease">,
  change: Partial<Pick<CertificateLease, "expiresAt" | "challengeToken" | "keyAuthorization">>,
): Promise<boolean> {
  const updated = await db("certificate_leases")
    .where({ cluster, name, lease })
    .update(leaseCodec.toRow(change));
  return updated === 1;
}

export async function deleteCertificateLease(
  db: Db,
  { cluster, name, lease }: Pick<CertificateLease, "cluster" | "name" | "lease">,
): Promise<boolean> {
  return (await db("certificate_leases").where({ cluster, name, lease }).delete()) === 1;
}

/** The service that gives the cluster a reason to have a certificate for the name. */
export async function findServedName(
  db: Db,
  cluster: string,
  name: string,
  account: string | null,
): Promise<{ serviceId: ServiceId; accountId: AccountId } | undefined> {
  const query = db("services")
    .whereRaw("lower(proxy_cluster) = ?", [cluster])
    .whereRaw("lower(domain) = ?", [name])
    .where({ mode: "http", enabled: true, terminated: false })
    .first("id", "account_id");
  const row = await (account === null ? query : query.where({ account_id: account }));
  return row && { serviceId: row.id, accountId: row.account_id };
}

/** @returns the name in lower case */
export async function findServiceName(
  db: Db,
  id: ServiceId,
): Promise<{ accountId: AccountId; name: string } | undefined> {
  const row = await db("services").where({ id }).first("account_id", "domain");
  return row && { accountId: row.account_id, name: row.domain.toLowerCase() };
}

export async function getAcmeAccount(
  db: Db,
  cluster: string,
  directoryUrl: string,
): Promise<string | undefined> {
  const row = await db("acme_accounts").where({ cluster, directory_url: directoryUrl }).first("sealed_key");
  return row?.sealed_key;
}

export async function insertAcmeAccount(
  db: Db,
  cluster: string,
  directoryUrl: string,
  sealedKey: string,
): Promise<void> {
  await db("acme_accounts").insert({ cluster, directory_url: directoryUrl, sealed_key: sealedKey });
}
