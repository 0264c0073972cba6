import { createHash, randomBytes } from "node:crypto";
import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import { consumeOneTimeToken } from "../store/one-time-tokens.ts";
import { insertOneTimeTokens } from "../store/one-time-tokens-batch.ts";
import type { Db } from "../store/transaction.ts";

export const ONE_TIME_TOKEN_TTL_MS = 5 * 60_000;

/**
 * Makes one token per service, each good for one CreateProxyPeer within five minutes.
 * Source: reference §9: 32 random bytes in base64url with padding; the server keeps the hash only.
 *
 * @returns the tokens by service id
 */
export async function mintOneTimeTokens(
  db: Db,
  services: readonly { id: ServiceId; accountId: AccountId }[],
  nowMs: number,
): Promise<Map<ServiceId, string>> {
  const tokens = new Map<ServiceId, string>();
  const rows = services.map(({ id, accountId }) => {
    const token = `${randomBytes(32).toString("base64url")}=`;
    tokens.set(id, token);
    return {
      tokenHash: hashOf(token),
      accountId,
      serviceId: id,
      expiresAt: nowMs + ONE_TIME_TOKEN_TTL_MS,
      createdAt: nowMs,
    };
  });
  await insertOneTimeTokens(db, rows);
  return tokens;
}

/** True for exactly one caller per token, within its time and for its account and service only. */
export function spendOneTimeToken(
  db: Db,
  { token, accountId, serviceId }: { token: string; accountId: AccountId; serviceId: ServiceId },
  nowMs: number,
): Promise<boolean> {
  return consumeOneTimeToken(db, { tokenHash: hashOf(token), accountId, serviceId }, nowMs);
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
