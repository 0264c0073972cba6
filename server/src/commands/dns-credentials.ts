import { isDeepStrictEqual } from "node:util";
import { type AccountId, AppError, type DnsCredentialsId } from "@netbird-proxy/proto";
import { isAtOrUnder } from "../domain/domain-name.ts";
import type { DnsCredentialsDraft } from "../domain/validate-dns-credentials.ts";
import { newId } from "../domain/xid.ts";
import type { SecretBox } from "../secrets/secret-box.ts";
import {
  DNS_SECRET_PURPOSE,
  type DnsCredentials,
  deleteDnsCredentials,
  getDnsCredentials,
  insertDnsCredentials,
  listDnsCredentials,
  updateDnsCredentials,
} from "../store/dns-credentials.ts";
import { appendRevision } from "../store/revisions.ts";
import type { Db } from "../store/transaction.ts";
import { domainsOfAccount } from "./account-domains.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";

/** @throws AppError `dns_credentials.invalid`, `dns_credentials.taken` */
export async function addDnsCredentials(
  context: CommandContext,
  actor: Actor,
  draft: DnsCredentialsDraft,
  options?: CommandOptions,
): Promise<DnsCredentials> {
  requireSecret(draft, draft.secret);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      await checkDomain(trx, actor.account, draft.domain, nowMs);
      const credentials: DnsCredentials = {
        id: newId<DnsCredentialsId>(),
        accountId: actor.account,
        ...visibleOf(draft),
        sealedSecret: sealSecret(context.store.secrets, draft.secret),
        lastUsedAt: null,
        lastError: "",
        createdAt: nowMs,
        updatedAt: nowMs,
      };
      await insertDnsCredentials(trx, credentials);
      await audit("dns.credentials.add", credentials.id, metaOf(credentials));
      await revise(work, credentials, "created");
      return credentials;
    },
    options,
  );
}

/**
 * Full replacement, but for the secret: without one the stored secret stays, as long as it is for the same provider and
 * goes to the same place.
 * @throws AppError `dns_credentials.not_found`, `dns_credentials.invalid`, `dns_credentials.taken`
 */
export async function changeDnsCredentials(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: DnsCredentialsDraft,
  options?: CommandOptions,
): Promise<DnsCredentials> {
  const { secrets } = context.store;
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const before = await requireDnsCredentials(trx, actor.account, id);
      const stored = secrets.open(before.sealedSecret, DNS_SECRET_PURPOSE);
      const kept = isSamePlace(before, draft) ? stored : "";
      const secret = draft.secret || (draft.secretRequired ? kept : "");
      requireSecret(draft, secret);
      if (before.domain !== draft.domain) await checkDomain(trx, actor.account, draft.domain, nowMs);
      const after: DnsCredentials = { ...before, ...visibleOf(draft) };
      if (isDeepStrictEqual(after, before) && secret === stored) return before;
      if (secret !== stored) after.sealedSecret = sealSecret(secrets, secret);
      after.updatedAt = Math.max(nowMs, before.updatedAt + 1);
      await updateDnsCredentials(trx, actor.account, before.id, after);
      await audit("dns.credentials.update", after.id, metaOf(after));
      await revise(work, after, "modified");
      return after;
    },
    options,
  );
}

/** Certificates that were ordered with them stay until they expire. @throws AppError `dns_credentials.not_found` */
export async function removeDnsCredentials(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const credentials = await requireDnsCredentials(work.trx, actor.account, id);
      await deleteDnsCredentials(work.trx, actor.account, credentials.id);
      await work.audit("dns.credentials.delete", credentials.id, metaOf(credentials));
      await revise(work, credentials, "removed");
    },
    options,
  );
}

export async function requireDnsCredentials(db: Db, account: AccountId, id: string): Promise<DnsCredentials> {
  const credentials = await getDnsCredentials(db, account, id);
  if (!credentials) throw new AppError("dns_credentials.not_found", `DNS credentials ${id} not found`);
  return credentials;
}

/** A secret must not follow to another server: whoever may write, but not read it, could have it sent to himself. */
function isSamePlace(
  { settings: before }: DnsCredentials,
  { settings: after }: DnsCredentialsDraft,
): boolean {
  if (before.provider === "rfc2136" && after.provider === "rfc2136") return true;
  if (before.provider === "acme-dns" && after.provider === "acme-dns") {
    return before.serverUrl === after.serverUrl;
  }
  return before.provider === "webhook" && after.provider === "webhook" && before.url === after.url;
}

function requireSecret({ secretRequired, secretPath }: DnsCredentialsDraft, secret: string): void {
  if (!secretRequired || secret !== "") return;
  throw new AppError("dns_credentials.invalid", `${secretPath} is required`, {
    path: secretPath,
    hint: "Send the secret; a stored one is kept only for the provider and address that it is for.",
  });
}

async function checkDomain(db: Db, account: AccountId, domain: string, nowMs: number): Promise<void> {
  const usable = await domainsOfAccount(db, account, nowMs);
  // A zone is often above the custom domain.
  if (!usable.some((known) => isAtOrUnder(domain, known) || isAtOrUnder(known, domain))) {
    throw new AppError(
      "dns_credentials.invalid",
      `${domain} has nothing to do with a domain of the account`,
      {
        path: "domain",
        hint: `Add the custom domain first, or name one of ${usable.join(", ") || "a connected cluster"}.`,
      },
    );
  }
  const taken = (await listDnsCredentials(db, account)).some((other) => other.domain === domain);
  if (!taken) return;
  throw new AppError("dns_credentials.taken", `${domain} has DNS credentials already`, { path: "domain" });
}

function visibleOf({ domain, wildcard, settings, propagationSeconds }: DnsCredentialsDraft) {
  return { domain, wildcard, settings, propagationSeconds };
}

function metaOf({ domain, wildcard, settings }: DnsCredentials) {
  return { domain, wildcard, provider: settings.provider };
}

async function revise(
  { trx, nowMs }: Work,
  { accountId, id }: DnsCredentials,
  operation: "created" | "modified" | "removed",
): Promise<void> {
  await appendRevision(trx, { accountId, kind: "certificate", objectId: id, operation, createdAt: nowMs });
}

function sealSecret(secrets: SecretBox, secret: string): string {
  return secrets.seal(secret, DNS_SECRET_PURPOSE);
}
