import type { AccountId } from "@netbird-proxy/proto";
import { clustersOf } from "../domain/clusters.ts";
import { listDomains } from "../store/domains.ts";
import { listVisibleProxies } from "../store/proxies.ts";
import type { Db } from "../store/transaction.ts";

/** What services of the account can stand under: addresses of clusters, then custom domains, validated or not. */
export async function domainsOfAccount(db: Db, account: AccountId, nowMs: number): Promise<string[]> {
  return [
    ...clustersOf(await listVisibleProxies(db, account), account, nowMs).map(({ address }) => address),
    ...(await listDomains(db, account)).map(({ domain }) => domain),
  ];
}
