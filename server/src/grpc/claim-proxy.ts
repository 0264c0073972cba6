import { AppError, type ProxyId } from "@netbird-proxy/proto";
import { isDomainName } from "../domain/domain-name.ts";
import { parseAddress } from "../domain/ip-network.ts";
import { hasServicesOnCluster } from "../store/cluster-owners.ts";
import { listUsableProxyTokens } from "../store/presence.ts";
import { getProxy, isActive, listProxiesOfCluster, type Proxy as ProxyRow } from "../store/proxies.ts";
import type { ProxyToken } from "../store/proxy-tokens.ts";
import type { Db } from "../store/transaction.ts";

const MAX_ID_LENGTH = 255;

/** @throws AppError `request.invalid`, `proxy.invalid_address` */
export function checkAnnouncement(proxyId: string, address: string): asserts proxyId is ProxyId {
  if (proxyId === "" || proxyId.length > MAX_ID_LENGTH) {
    throw new AppError("request.invalid", `proxy_id must have 1 to ${MAX_ID_LENGTH} characters`, {
      path: "proxy_id",
    });
  }
  if (!isDomainName(address) && !parseAddress(address)) {
    throw new AppError(
      "proxy.invalid_address",
      `${JSON.stringify(address)} is no domain name and no IP address`,
      { path: "address" },
    );
  }
}

/**
 * A proxy id belongs to the token that used it first. Another token of the same owner may take it over once the old
 * stream is gone or the old token is no longer valid (tokens are rotated); another owner's never.
 *
 * @returns what is known about the proxy, if anything
 * @throws AppError `proxy.id_taken`
 */
export async function claimProxyId(
  trx: Db,
  token: ProxyToken,
  proxyId: ProxyId,
  nowMs: number,
): Promise<ProxyRow | undefined> {
  const row = await getProxy(trx, proxyId);
  if (!row || row.tokenId === token.id) return row;
  const sameOwner = row.accountId === token.accountId;
  const inUse =
    isActive(row, nowMs) && (await listUsableProxyTokens(trx, [row.tokenId], nowMs)).has(row.tokenId);
  if (sameOwner && !inUse) return row;
  throw new AppError("proxy.id_taken", `the proxy id ${proxyId} belongs to another token`);
}

/**
 * A cluster address has one owner: an account, or everybody (global tokens). An owner whose proxies are gone keeps it
 * for as long as their rows last if services depend on it, so that nobody moves in during a restart.
 *
 * @throws AppError `proxy.address_taken`
 */
export async function claimAddress(
  trx: Db,
  token: ProxyToken,
  address: string,
  nowMs: number,
): Promise<void> {
  for (const row of await listProxiesOfCluster(trx, address)) {
    if (row.accountId === token.accountId) continue;
    const kept =
      isActive(row, nowMs) || (await hasServicesOnCluster(trx, address, row.accountId, token.accountId));
    if (kept) throw new AppError("proxy.address_taken", `another owner's proxy announces ${address}`);
  }
}
