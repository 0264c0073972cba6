import type { AccountId } from "@netbird-proxy/proto";
import { appendRevision, type RevisionOperation } from "../store/revisions.ts";
import { listServicesTargeting, type StoredService, updateServiceColumns } from "../store/services.ts";
import type { Work } from "./command.ts";

/** Says that peers, routes or rules of the account changed. */
export async function reviseTunnel(
  { trx, nowMs }: Work,
  account: AccountId,
  objectId: string,
  operation: RevisionOperation,
): Promise<number> {
  return appendRevision(trx, { accountId: account, kind: "tunnel", objectId, operation, createdAt: nowMs });
}

/** Says that a service changed, to the cluster that serves it. */
export async function reviseService(
  { trx, nowMs }: Work,
  service: Pick<StoredService, "accountId" | "id">,
  cluster: string,
  operation: RevisionOperation,
): Promise<number> {
  return appendRevision(trx, {
    accountId: service.accountId,
    kind: "service",
    objectId: service.id,
    cluster,
    operation,
    createdAt: nowMs,
  });
}

/** Something that services point at has moved: their mappings are different although nobody edited them. */
export async function reviseServicesTargeting(
  work: Work,
  account: AccountId,
  targetIds: readonly string[],
): Promise<void> {
  for (const service of await listServicesTargeting(work.trx, account, targetIds)) {
    const revision = await reviseService(work, service, service.proxyCluster, "modified");
    await updateServiceColumns(work.trx, account, service.id, { revision });
  }
}
