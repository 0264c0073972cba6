import type { OneTimeToken } from "./one-time-tokens.ts";
import type { Db } from "./transaction.ts";

/** Many at once: a snapshot for a stock proxy needs one per service. */
export async function insertOneTimeTokens(db: Db, tokens: readonly OneTimeToken[]): Promise<void> {
  for (let at = 0; at < tokens.length; at += 500) {
    await db("one_time_tokens").insert(
      tokens.slice(at, at + 500).map(({ tokenHash, accountId, serviceId, expiresAt, createdAt }) => ({
        token_hash: tokenHash,
        account_id: accountId,
        service_id: serviceId,
        expires_at: expiresAt,
        created_at: createdAt,
      })),
    );
  }
}
