import { type AccountId, AppError, type DomainId } from "@netbird-proxy/proto";
import type { DomainCheck } from "../dns/check-custom-domain.ts";
import { type Cluster, usableClusters } from "../domain/clusters.ts";
import { isAtOrUnder, isDomainName } from "../domain/domain-name.ts";
import { newId } from "../domain/xid.ts";
import {
  type CustomDomain,
  deleteDomain,
  findDomainByName,
  findOverlappingDomains,
  getDomain,
  insertDomain,
  updateDomain,
} from "../store/domains.ts";
import { listVisibleProxies } from "../store/proxies.ts";
import { appendRevision } from "../store/revisions.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";

export interface DomainDraft {
  domain: string;
  targetCluster: string;
}

/**
 * Checks what can be checked without DNS.
 * @throws AppError `domain.invalid`, `domain.taken`, `domain.cluster_unavailable`
 */
export async function checkDomainDraft(
  db: Db,
  account: AccountId,
  draft: DomainDraft,
  nowMs: number,
): Promise<Cluster> {
  if (!isDomainName(draft.domain)) {
    throw new AppError("domain.invalid", `${JSON.stringify(draft.domain)} is no domain name`, {
      path: "domain",
    });
  }
  const usable = usableClusters(await listVisibleProxies(db, account), account, nowMs);
  const wanted = draft.targetCluster.toLowerCase();
  const cluster = usable.find(({ address }) => address.toLowerCase() === wanted);
  if (!cluster) {
    throw new AppError(
      "domain.cluster_unavailable",
      `no proxy of the cluster ${JSON.stringify(draft.targetCluster)} is connected`,
      { path: "target_cluster" },
    );
  }
  const over = usable.find(({ address }) => isAtOrUnder(draft.domain, address));
  if (over) {
    throw new AppError("domain.invalid", `${draft.domain} is a name of the cluster ${over.address} already`, {
      path: "domain",
      hint: "Names under a cluster's address need no custom domain; use them in a service directly.",
    });
  }
  const taken = await findDomainByName(db, draft.domain);
  if (taken)
    throw new AppError("domain.taken", `the domain ${draft.domain} is registered already`, {
      path: "domain",
    });
  const [other] = await findOverlappingDomains(db, account, draft.domain);
  if (other) {
    const where = isAtOrUnder(draft.domain, other.domain) ? "lies under" : "lies above";
    throw new AppError("domain.taken", `${draft.domain} ${where} a domain of another account`, {
      path: "domain",
      hint: "Whoever proved a domain decides about the names under it; ask them, or take another name.",
    });
  }
  return cluster;
}

/** @param check what DNS said about it just now; null leaves the first look to the background job */
export async function createDomain(
  context: CommandContext,
  actor: Actor,
  draft: DomainDraft,
  check: DomainCheck | null,
  options?: CommandOptions,
): Promise<CustomDomain> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      await checkDomainDraft(trx, actor.account, draft, nowMs);
      const domain: CustomDomain = {
        id: newId<DomainId>(),
        accountId: actor.account,
        domain: draft.domain,
        domainKey: draft.domain.toLowerCase(),
        targetCluster: draft.targetCluster,
        validated: check?.ok === true,
        validatedAt: check?.ok ? nowMs : null,
        validationMethod: check?.ok ? check.method : null,
        clusterAddresses: check?.clusterAddresses ?? [],
        lastCheckedAt: check ? nowMs : null,
        lastError: !check || check.ok ? "" : check.message,
        createdAt: nowMs,
      };
      await insertDomain(trx, domain);
      await audit("domain.add", domain.id, domainMeta(domain));
      await reviseDomain(work, domain, "created");
      return domain;
    },
    options,
  );
}

/** Services keep their cluster until they are edited. @throws AppError `domain.not_found` */
export async function removeDomain(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const domain = await requireDomain(work.trx, actor.account, id);
      await deleteDomain(work.trx, actor.account, domain.id);
      await work.audit("domain.delete", domain.id, domainMeta(domain));
      await reviseDomain(work, domain, "removed");
    },
    options,
  );
}

/**
 * Stores what a check found. A definite "no" takes the validation back; a DNS failure leaves it as it was, because a
 * resolver that is down for a minute says nothing about the record.
 */
export async function recordDomainCheck(
  context: CommandContext,
  actor: Actor,
  domain: CustomDomain,
  check: DomainCheck,
): Promise<void> {
  const nowMs = context.nowMs();
  const validated = check.ok || (check.temporary && domain.validated);
  const change = {
    lastCheckedAt: nowMs,
    lastError: check.ok ? "" : check.message,
    validated,
    validatedAt: check.ok ? (domain.validatedAt ?? nowMs) : validated ? domain.validatedAt : null,
    validationMethod: check.ok ? check.method : validated ? domain.validationMethod : null,
    ...(check.clusterAddresses.length === 0 ? {} : { clusterAddresses: check.clusterAddresses }),
  };
  if (validated === domain.validated) {
    await updateDomain(context.store.db, domain.accountId, domain.id, change);
    return;
  }
  await runCommand(context, actor, async (work) => {
    await updateDomain(work.trx, domain.accountId, domain.id, change);
    if (validated) await work.audit("domain.validate", domain.id, domainMeta({ ...domain, validated }));
    await reviseDomain(work, domain, "modified");
  });
}

export async function requireDomain(db: Db, account: AccountId, id: string): Promise<CustomDomain> {
  const domain = await getDomain(db, account, id);
  if (!domain) throw new AppError("domain.not_found", `domain ${id} not found`);
  return domain;
}

function domainMeta({ domain, targetCluster, validated }: CustomDomain) {
  return { domain, target_cluster: targetCluster, validated };
}

async function reviseDomain(
  { trx, nowMs }: Work,
  domain: CustomDomain,
  operation: "created" | "modified" | "removed",
): Promise<void> {
  await appendRevision(trx, {
    accountId: domain.accountId,
    kind: "domain",
    objectId: domain.id,
    cluster: domain.targetCluster,
    operation,
    createdAt: nowMs,
  });
}
