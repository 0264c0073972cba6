import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A certificate that serves all names of one level, shared by the proxies of a cluster. */
export interface WildcardCertificate {
  /** Lower case. */
  cluster: string;
  /** Such as `*.example.com`. */
  name: string;
  /** Two accounts with the same wildcard do not share a key. */
  accountId: AccountId;
  /** What the proxies stored, sealed once more for the disk. */
  sealedBundle: string;
  fingerprint: string;
  expiresAt: number;
  savedAt: number;
}

const codec = rowCodec<WildcardCertificate>({
  cluster: "text",
  name: "text",
  accountId: "text",
  sealedBundle: "text",
  fingerprint: "text",
  expiresAt: "integer",
  savedAt: "integer",
});

type Place = Pick<WildcardCertificate, "cluster" | "name" | "accountId">;

const where = ({ cluster, name, accountId }: Place) => ({ cluster, name, account_id: accountId });

export async function getWildcardCertificate(db: Db, place: Place): Promise<WildcardCertificate | undefined> {
  const row = await db("wildcard_certificates").where(where(place)).first();
  return row && codec.fromRow(row);
}

export async function saveWildcardCertificate(db: Db, certificate: WildcardCertificate): Promise<void> {
  await db("wildcard_certificates")
    .insert(codec.toRow(certificate))
    .onConflict(["cluster", "name", "account_id"])
    .merge();
}

/** Destroys the keys of wildcards that no service is left under. @returns how many */
export async function deleteUnusedWildcards(db: Db): Promise<number> {
  let deleted = 0;
  for (const row of await db("wildcard_certificates").select("cluster", "name", "account_id")) {
    const suffix: string = row.name.slice(1);
    const used = await db("services")
      .where({ account_id: row.account_id })
      .whereRaw("lower(proxy_cluster) = ?", [row.cluster])
      // Not LIKE: an underscore in a name would stand for any character.
      .whereRaw("substr(lower(domain), length(domain) - ?) = ?", [suffix.length - 1, suffix])
      .first("id");
    if (used) continue;
    const { cluster, name, account_id } = row;
    deleted += await db("wildcard_certificates").where({ cluster, name, account_id }).delete();
  }
  return deleted;
}
