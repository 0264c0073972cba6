import type { AccountId } from "@netbird-proxy/proto";
import type { Db } from "./transaction.ts";

/** True when a service of `owner` (null: of any account but `except`) is published on the cluster. */
export async function hasServicesOnCluster(
  db: Db,
  cluster: string,
  owner: AccountId | null,
  except: AccountId | null,
): Promise<boolean> {
  const query = db("services").whereRaw("lower(proxy_cluster) = ?", [cluster.toLowerCase()]);
  if (owner !== null) query.where({ account_id: owner });
  else if (except !== null) query.whereNot({ account_id: except });
  return (await query.first("id")) !== undefined;
}
