import type { AccountId, CertificateId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A certificate that somebody brought along, with its key. */
export interface UploadedCertificate {
  id: CertificateId;
  accountId: AccountId;
  name: string;
  /** PEM, leaf first, as it was sent. */
  certificateChain: string;
  /** PEM, sealed with purpose {@link UPLOADED_KEY_PURPOSE}. */
  sealedKey: string;
  /** DNS names of the leaf, lower case; at least one. */
  domains: string[];
  notBefore: number;
  notAfter: number;
  /** Hex, lower case. */
  serial: string;
  /** SHA-256 of the leaf, hex, lower case. */
  fingerprint: string;
  issuer: string;
  createdAt: number;
  /** Another one after every change: tells one version from the next. */
  updatedAt: number;
}

export const UPLOADED_KEY_PURPOSE = "uploaded certificate key";

const codec = rowCodec<UploadedCertificate>({
  id: "text",
  accountId: "text",
  name: "text",
  certificateChain: "text",
  sealedKey: "text",
  domains: "json",
  notBefore: "integer",
  notAfter: "integer",
  serial: "text",
  fingerprint: "text",
  issuer: "text",
  createdAt: "integer",
  updatedAt: "integer",
});

export async function insertUploadedCertificate(db: Db, certificate: UploadedCertificate): Promise<void> {
  await db("uploaded_certificates").insert(codec.toRow(certificate));
}

export async function listUploadedCertificates(db: Db, account: AccountId): Promise<UploadedCertificate[]> {
  const rows = await db("uploaded_certificates")
    .where({ account_id: account })
    .orderBy("created_at")
    .orderBy("id");
  return rows.map(codec.fromRow);
}

export async function getUploadedCertificate(
  db: Db,
  account: AccountId,
  id: string,
): Promise<UploadedCertificate | undefined> {
  const row = await db("uploaded_certificates").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function replaceUploadedCertificate(db: Db, certificate: UploadedCertificate): Promise<void> {
  const { id, accountId } = certificate;
  await db("uploaded_certificates").where({ account_id: accountId, id }).update(codec.toRow(certificate));
}

export async function deleteUploadedCertificate(db: Db, account: AccountId, id: string): Promise<void> {
  await db("uploaded_certificates").where({ account_id: account, id }).delete();
}

/** As much of a certificate as decides who gets it. */
export type CertificateOutline = Pick<UploadedCertificate, "id" | "accountId" | "domains" | "updatedAt">;

/** Without chains and keys, which are read only for those that have to be sent. @param account null: of every account */
export async function listCertificateOutlines(
  db: Db,
  account: AccountId | null,
): Promise<CertificateOutline[]> {
  const query = db("uploaded_certificates").select("id", "account_id", "domains", "updated_at");
  const rows = await (account === null ? query : query.where({ account_id: account }));
  return rows.map((row) => {
    const { id, accountId, domains, updatedAt } = codec.fromRow(row);
    return { id, accountId, domains, updatedAt };
  });
}

export async function findUploadedCertificates(
  db: Db,
  ids: readonly CertificateId[],
): Promise<UploadedCertificate[]> {
  return (await db("uploaded_certificates").whereIn("id", [...ids])).map(codec.fromRow);
}

/** The names that proxies of a cluster (lower case) end TLS for. */
export async function listServedNames(
  db: Db,
  cluster: string,
  accounts: readonly AccountId[],
): Promise<{ accountId: AccountId; name: string }[]> {
  const rows = await db("services")
    .whereRaw("lower(proxy_cluster) = ?", [cluster])
    .whereIn("account_id", [...accounts])
    .where({ mode: "http", enabled: true, terminated: false })
    .select("account_id", "domain");
  return rows.map(({ account_id, domain }) => ({ accountId: account_id, name: domain.toLowerCase() }));
}
