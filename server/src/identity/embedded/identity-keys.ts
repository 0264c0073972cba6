import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { newId } from "../../domain/xid.ts";
import {
  deleteIdentityKey,
  IDENTITY_KEY_PURPOSE,
  type IdentityKey,
  insertIdentityKey,
  listIdentityKeys,
} from "../../store/identity-keys.ts";
import type { Store } from "../../store/open.ts";
import { inTransaction } from "../../store/transaction.ts";

const DAY_MS = 86_400_000;
const ROTATE_AFTER_MS = 90 * DAY_MS;
/** Every server has read the keys again by then. */
const PUBLISHED_BEFORE_MS = 3_600_000;
/** Longer than anything that a replaced key has signed is valid. */
const KEPT_AFTER_MS = 30 * DAY_MS;

export interface IdentityKeys {
  /** Private keys; the first one signs, all are published. */
  signing: JWK[];
  /** The first one signs cookies, the others still verify them. */
  cookies: string[];
}

/**
 * The keys of the embedded identity provider, made when there are none, and replaced every 90 days: the successor is
 * published an hour before it signs, and a replaced key is published for 30 more days.
 */
export async function readIdentityKeys({ db, secrets }: Store, nowMs: number): Promise<IdentityKeys> {
  let stored = await listIdentityKeys(db);
  if (isDue(stored, "signing", nowMs) || isDue(stored, "cookie", nowMs)) {
    await inTransaction(db, async (trx) => {
      stored = await listIdentityKeys(trx);
      for (const kind of ["signing", "cookie"] as const) {
        if (!isDue(stored, kind, nowMs)) continue;
        const id = newId();
        const first = !stored.some((key) => key.kind === kind);
        const key = kind === "signing" ? await newSigningKey(id) : randomBytes(32).toString("base64");
        await insertIdentityKey(trx, {
          id,
          kind,
          sealedKey: secrets.seal(key, IDENTITY_KEY_PURPOSE),
          usedFrom: first ? nowMs : nowMs + PUBLISHED_BEFORE_MS,
          createdAt: nowMs,
        });
      }
      for (const kind of ["signing", "cookie"] as const) {
        const [, ...replaced] = inUse(stored, kind, nowMs);
        const current = inUse(stored, kind, nowMs)[0];
        for (const key of replaced) {
          if (nowMs - current!.usedFrom > KEPT_AFTER_MS) await deleteIdentityKey(trx, key.id);
        }
      }
      stored = await listIdentityKeys(trx);
    });
  }
  const open = (kind: IdentityKey["kind"]) =>
    [...inUse(stored, kind, nowMs), ...stored.filter((key) => key.kind === kind && key.usedFrom > nowMs)].map(
      (key) => secrets.open(key.sealedKey, IDENTITY_KEY_PURPOSE),
    );
  return { signing: open("signing").map((key) => JSON.parse(key) as JWK), cookies: open("cookie") };
}

/** Newest first. */
function inUse(keys: readonly IdentityKey[], kind: IdentityKey["kind"], nowMs: number): IdentityKey[] {
  return keys.filter((key) => key.kind === kind && key.usedFrom <= nowMs);
}

function isDue(keys: readonly IdentityKey[], kind: IdentityKey["kind"], nowMs: number): boolean {
  const [newest] = keys.filter((key) => key.kind === kind);
  return newest === undefined || nowMs - newest.usedFrom >= ROTATE_AFTER_MS;
}

async function newSigningKey(kid: string): Promise<string> {
  // Every OpenID Connect client knows RS256 (Core 1.0 §15.1).
  const { privateKey } = await generateKeyPair("RS256", { modulusLength: 2048, extractable: true });
  return JSON.stringify({ ...(await exportJWK(privateKey)), kid, alg: "RS256", use: "sig" });
}
