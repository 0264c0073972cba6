import { type AccountId, AppError, type SetupKeyId } from "@netbird-proxy/proto";
import { hashSetupKey, newSetupKey } from "../domain/setup-key-state.ts";
import { MAX_LIFETIME_SECONDS } from "../domain/token.ts";
import { newId } from "../domain/xid.ts";
import {
  deleteSetupKey,
  getSetupKey,
  insertSetupKey,
  type SetupKey,
  updateSetupKey,
} from "../store/setup-keys.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";

const MAX_USAGE_LIMIT = 1_000_000_000;

export interface SetupKeyDraft {
  name: string;
  type: "reusable" | "one-off";
  /** 0: never. */
  expiresInSeconds: number;
  autoGroups: string[];
  /** 0: unlimited. */
  usageLimit: number;
  ephemeral: boolean;
  allowExtraDnsLabels: boolean;
}

function invalid(path: string, message: string): never {
  throw new AppError("setup_key.invalid", message, { path });
}

/** @returns the key in clear too; it is not kept. @throws AppError `setup_key.invalid` */
export async function createSetupKey(
  context: CommandContext,
  actor: Actor,
  draft: SetupKeyDraft,
  options?: CommandOptions,
): Promise<{ plain: string; key: SetupKey }> {
  if (draft.name === "") invalid("name", "name is required");
  if (draft.expiresInSeconds < 0 || draft.expiresInSeconds > MAX_LIFETIME_SECONDS) {
    invalid("expires_in", `expires_in is a number of seconds from 0 (never) to ${MAX_LIFETIME_SECONDS}`);
  }
  if (draft.usageLimit < 0 || draft.usageLimit > MAX_USAGE_LIMIT) {
    invalid("usage_limit", `usage_limit is a number from 0 (any number of times) to ${MAX_USAGE_LIMIT}`);
  }
  if (draft.type === "one-off" && draft.usageLimit > 1) {
    invalid("usage_limit", "a one-off key is used once");
  }
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      await requireGroups(trx, actor.account, draft.autoGroups, "auto_groups", "setup_key.invalid", {
        all: false,
      });
      const plain = newSetupKey();
      const key: SetupKey = {
        id: newId<SetupKeyId>(),
        accountId: actor.account,
        name: draft.name,
        keyHash: hashSetupKey(plain),
        keyPreview: plain.slice(0, 5),
        type: draft.type,
        expiresAt: draft.expiresInSeconds === 0 ? null : nowMs + draft.expiresInSeconds * 1000,
        revoked: false,
        usedTimes: 0,
        lastUsed: null,
        autoGroups: draft.autoGroups,
        usageLimit: draft.type === "one-off" ? 1 : draft.usageLimit,
        ephemeral: draft.ephemeral,
        allowExtraDnsLabels: draft.allowExtraDnsLabels,
        createdAt: nowMs,
        updatedAt: nowMs,
      };
      await insertSetupKey(trx, key);
      await audit("setupkey.add", key.id, { name: key.name, type: key.type, key: `${key.keyPreview}****` });
      return { plain, key };
    },
    options,
  );
}

/** @throws AppError `setup_key.not_found`, `setup_key.invalid` */
export async function changeSetupKey(
  context: CommandContext,
  actor: Actor,
  id: string,
  { autoGroups, revoked }: { autoGroups: string[]; revoked: boolean },
  options?: CommandOptions,
): Promise<SetupKey> {
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      const key = await requireSetupKey(trx, actor.account, id);
      if (key.revoked && !revoked) invalid("revoked", "a revoked key stays revoked");
      await requireGroups(trx, actor.account, autoGroups, "auto_groups", "setup_key.invalid", { all: false });
      const changed = { ...key, autoGroups, revoked, updatedAt: nowMs };
      await updateSetupKey(trx, actor.account, key.id, changed);
      if (revoked && !key.revoked) await audit("setupkey.revoke", key.id, { name: key.name });
      for (const group of autoGroups.filter((one) => !key.autoGroups.includes(one))) {
        await audit("setupkey.group.add", key.id, { group_id: group, setupkey: key.name });
      }
      for (const group of key.autoGroups.filter((one) => !autoGroups.includes(one))) {
        await audit("setupkey.group.delete", key.id, { group_id: group, setupkey: key.name });
      }
      return changed;
    },
    options,
  );
}

/** Peers that joined with it stay. @throws AppError `setup_key.not_found` */
export async function removeSetupKey(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const key = await requireSetupKey(trx, actor.account, id);
      await deleteSetupKey(trx, actor.account, key.id);
      await audit("setupkey.delete", key.id, {
        name: key.name,
        type: key.type,
        key: `${key.keyPreview}****`,
      });
    },
    options,
  );
}

export async function requireSetupKey(db: Db, account: AccountId, id: string): Promise<SetupKey> {
  const key = await getSetupKey(db, account, id);
  if (!key) throw new AppError("setup_key.not_found", `setup key ${id} not found`);
  return key;
}
