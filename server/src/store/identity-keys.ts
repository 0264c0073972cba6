import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export const IDENTITY_KEY_PURPOSE = "identity_keys.key";

/** A key of the embedded identity provider: signs its tokens, or its cookies. */
export interface IdentityKey {
  /** The `kid` of a signing key. */
  id: string;
  kind: "signing" | "cookie";
  /** A private JWK, or base64; sealed with purpose {@link IDENTITY_KEY_PURPOSE}. */
  sealedKey: string;
  usedFrom: number;
  createdAt: number;
}

const codec = rowCodec<IdentityKey>({
  id: "text",
  kind: "text",
  sealedKey: "text",
  usedFrom: "integer",
  createdAt: "integer",
});

/** Newest first. */
export async function listIdentityKeys(db: Db): Promise<IdentityKey[]> {
  return (await db("identity_keys").orderBy("used_from", "desc").orderBy("id")).map(codec.fromRow);
}

export async function insertIdentityKey(db: Db, key: IdentityKey): Promise<void> {
  await db("identity_keys").insert(codec.toRow(key));
}

export async function deleteIdentityKey(db: Db, id: string): Promise<void> {
  await db("identity_keys").where({ id }).delete();
}
