import { AppError, type ProxyTokenId } from "@netbird-proxy/proto";
import { hashToken, MAX_LIFETIME_SECONDS, newToken } from "../domain/token.ts";
import { newId } from "../domain/xid.ts";
import { getProxyToken, insertProxyToken, type ProxyToken, revokeProxyToken } from "../store/proxy-tokens.ts";
import { inTransaction } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";

/**
 * @param owner null, the command line: makes a global token, whose proxies every account shares
 * @param expiresInSeconds 0: never
 * @returns the token in clear too; it is not kept
 * @throws AppError `proxy_token.invalid`
 */
export async function createProxyToken(
  context: CommandContext,
  owner: Actor | null,
  { name, expiresInSeconds }: { name: string; expiresInSeconds: number },
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
    accountId: owner?.account ?? null,
    name,
    tokenHash: hashToken(plain),
    expiresAt: expiresInSeconds === 0 ? null : nowMs + expiresInSeconds * 1000,
    createdBy: owner?.id ?? "cli",
    createdAt: nowMs,
    lastUsed: null,
    revoked: false,
  };
  await runFor(context, owner, async ({ trx, audit }) => {
    await insertProxyToken(trx, token);
    await audit("proxy.token.create", token.id, { name });
  });
  return { plain, token };
}

/** Its proxies are dropped within a minute. Revoking twice is fine. @throws AppError `proxy_token.not_found` */
export async function revokeToken(context: CommandContext, owner: Actor | null, id: string): Promise<void> {
  const account = owner?.account ?? null;
  await runFor(context, owner, async ({ trx, audit }) => {
    const token = await getProxyToken(trx, account, id);
    if (!token) throw new AppError("proxy_token.not_found", `proxy token ${id} not found`);
    if (token.revoked) return;
    await revokeProxyToken(trx, account, token.id);
    await audit("proxy.token.revoke", token.id, { name: token.name });
  });
}

/** A global token belongs to no account, so it is in no account's audit events. */
async function runFor(
  context: CommandContext,
  owner: Actor | null,
  body: (work: Pick<Work, "trx" | "audit">) => Promise<void>,
): Promise<void> {
  if (owner) return runCommand(context, owner, body);
  await inTransaction(context.store.db, (trx) => body({ trx, audit: async () => {} }));
  context.store.changes.changed();
}
