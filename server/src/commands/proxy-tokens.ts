import { type AccountId, AppError, type ProxyTokenId } from "@netbird-proxy/proto";
import { hashToken, MAX_LIFETIME_SECONDS, newToken } from "../domain/token.ts";
import { newId } from "../domain/xid.ts";
import { getProxyToken, insertProxyToken, type ProxyToken, revokeProxyToken } from "../store/proxy-tokens.ts";
import { inTransaction } from "../store/transaction.ts";
import type { CommandContext } from "./context.ts";

/**
 * @param account null makes a global token, whose proxies every account shares
 * @param expiresInSeconds 0: never
 * @returns the token in clear too; it is not kept
 * @throws AppError `proxy_token.invalid`
 */
export async function createProxyToken(
  context: CommandContext,
  account: AccountId | null,
  { name, expiresInSeconds, createdBy }: { name: string; expiresInSeconds: number; createdBy: string },
): Promise<{ plain: string; token: ProxyToken }> {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > 255) {
    throw new AppError("proxy_token.invalid", "name must have 1 to 255 bytes", { path: "name" });
  }
  if (expiresInSeconds < 0 || expiresInSeconds > MAX_LIFETIME_SECONDS) {
    throw new AppError(
      "proxy_token.invalid",
      `expires_in is a number of seconds from 0 (never) to ${MAX_LIFETIME_SECONDS}`,
      { path: "expires_in" },
    );
  }
  const nowMs = context.nowMs();
  const plain = newToken("nbx_");
  const token: ProxyToken = {
    id: newId<ProxyTokenId>(),
    accountId: account,
    name,
    tokenHash: hashToken(plain),
    expiresAt: expiresInSeconds === 0 ? null : nowMs + expiresInSeconds * 1000,
    createdBy,
    createdAt: nowMs,
    lastUsed: null,
    revoked: false,
  };
  await inTransaction(context.store.db, (trx) => insertProxyToken(trx, token));
  return { plain, token };
}

/** Its proxies are dropped within a minute. Revoking twice is fine. @throws AppError `proxy_token.not_found` */
export async function revokeToken(
  context: CommandContext,
  account: AccountId | null,
  id: string,
): Promise<void> {
  await inTransaction(context.store.db, async (trx) => {
    const token = await getProxyToken(trx, account, id);
    if (!token) throw new AppError("proxy_token.not_found", `proxy token ${id} not found`);
    await revokeProxyToken(trx, account, token.id);
  });
  context.store.changes.changed();
}
