import { type AccountId, AppError, type CertificateId } from "@netbird-proxy/proto";
import { isOfUse } from "../domain/certificate-names.ts";
import { readCertificate } from "../domain/read-certificate.ts";
import { newId } from "../domain/xid.ts";
import type { SecretBox } from "../secrets/secret-box.ts";
import { appendRevision } from "../store/revisions.ts";
import type { Db } from "../store/transaction.ts";
import {
  deleteUploadedCertificate,
  getUploadedCertificate,
  insertUploadedCertificate,
  replaceUploadedCertificate,
  UPLOADED_KEY_PURPOSE,
  type UploadedCertificate,
} from "../store/uploaded-certificates.ts";
import { domainsOfAccount } from "./account-domains.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";

export interface CertificateDraft {
  name: string;
  /** PEM. */
  certificateChain: string;
  /** PEM; empty on a change keeps the stored one. */
  privateKey: string;
}

/** @throws AppError `certificate.invalid` */
export async function uploadCertificate(
  context: CommandContext,
  actor: Actor,
  draft: CertificateDraft,
  options?: CommandOptions,
): Promise<UploadedCertificate> {
  checkName(draft.name);
  const facts = readCertificate(draft.certificateChain, draft.privateKey, context.nowMs());
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      await requireUse(trx, actor.account, facts.domains, nowMs);
      const certificate: UploadedCertificate = {
        id: newId<CertificateId>(),
        accountId: actor.account,
        name: draft.name,
        certificateChain: draft.certificateChain,
        sealedKey: sealKey(context.store.secrets, draft.privateKey),
        ...facts,
        createdAt: nowMs,
        updatedAt: nowMs,
      };
      await insertUploadedCertificate(trx, certificate);
      await audit("certificate.add", certificate.id, metaOf(certificate));
      await revise(work, certificate, "created");
      return certificate;
    },
    options,
  );
}

/**
 * Full replacement, but for the key: without one, the stored key has to fit the certificate. One that changes nothing
 * leaves no event.
 * @throws AppError `certificate.not_found`, `certificate.invalid`
 */
export async function replaceCertificate(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: CertificateDraft,
  options?: CommandOptions,
): Promise<UploadedCertificate> {
  const { secrets } = context.store;
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const before = await requireCertificate(trx, actor.account, id);
      checkName(draft.name);
      const storedKey = secrets.open(before.sealedKey, UPLOADED_KEY_PURPOSE);
      const privateKey = draft.privateKey || storedKey;
      const sameFiles = draft.certificateChain === before.certificateChain && privateKey === storedKey;
      // Also one that has expired meanwhile may get another name.
      if (sameFiles && draft.name === before.name) return before;
      const facts = sameFiles ? {} : readCertificate(draft.certificateChain, privateKey, nowMs);
      const after: UploadedCertificate = {
        ...before,
        ...facts,
        name: draft.name,
        certificateChain: draft.certificateChain,
        sealedKey: privateKey === storedKey ? before.sealedKey : sealKey(secrets, privateKey),
        updatedAt: Math.max(nowMs, before.updatedAt + 1),
      };
      if (!sameFiles) await requireUse(trx, actor.account, after.domains, nowMs);
      await replaceUploadedCertificate(trx, after);
      await audit("certificate.update", after.id, metaOf(after));
      await revise(work, after, "modified");
      return after;
    },
    options,
  );
}

/** Proxies forget the certificate and destroy the key. @throws AppError `certificate.not_found` */
export async function removeCertificate(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const certificate = await requireCertificate(work.trx, actor.account, id);
      await deleteUploadedCertificate(work.trx, actor.account, certificate.id);
      await work.audit("certificate.delete", certificate.id, metaOf(certificate));
      await revise(work, certificate, "removed");
    },
    options,
  );
}

export async function requireCertificate(
  db: Db,
  account: AccountId,
  id: string,
): Promise<UploadedCertificate> {
  const certificate = await getUploadedCertificate(db, account, id);
  if (!certificate) throw new AppError("certificate.not_found", `certificate ${id} not found`);
  return certificate;
}

function checkName(name: string): void {
  if (name !== "" && name.length <= 255) return;
  throw new AppError("certificate.invalid", "name must have 1 to 255 characters", { path: "name" });
}

/** A certificate that no service of the account could ever use is a mistake; better said now than found out later. */
async function requireUse(
  db: Db,
  account: AccountId,
  domains: readonly string[],
  nowMs: number,
): Promise<void> {
  const usable = await domainsOfAccount(db, account, nowMs);
  if (domains.some((name) => usable.some((domain) => isOfUse(name, domain)))) return;
  throw new AppError(
    "certificate.invalid",
    `the certificate is for ${domains.join(", ")}, and none of these is under a domain of the account`,
    {
      path: "certificate_chain",
      hint: `Add the custom domain first, or use a certificate for a name under ${usable.join(", ") || "a connected cluster's address"}.`,
    },
  );
}

function metaOf({ name, domains, fingerprint, notAfter }: UploadedCertificate) {
  return { name, domains: domains.join(", "), fingerprint, not_after: new Date(notAfter).toISOString() };
}

async function revise(
  { trx, nowMs }: Work,
  { accountId, id }: UploadedCertificate,
  operation: "created" | "modified" | "removed",
): Promise<void> {
  await appendRevision(trx, { accountId, kind: "certificate", objectId: id, operation, createdAt: nowMs });
}

function sealKey(secrets: SecretBox, privateKey: string): string {
  return secrets.seal(privateKey, UPLOADED_KEY_PURPOSE);
}
