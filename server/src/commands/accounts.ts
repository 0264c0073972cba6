import { type AccountId, AppError } from "@netbird-proxy/proto";
import type { KeptSettings } from "../domain/account-defaults.ts";
import { checkAccountRange } from "../domain/account-range.ts";
import { settingEvents } from "../domain/account-setting-events.ts";
import type { Branding } from "../domain/branding.ts";
import { validateSettings } from "../domain/validate-settings.ts";
import { type Account, deleteAccount, getAccount, updateAccount } from "../store/accounts.ts";
import { listUsedAddresses } from "../store/peers.ts";
import { listServices } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { moveAddresses } from "./move-addresses.ts";
import { reviseService, reviseTunnel } from "./revise.ts";

export interface AccountDraft {
  /** Undefined: `extra`, and each part of the branding, as it is. */
  settings: Omit<KeptSettings, "extra" | keyof Branding> & {
    extra?: KeptSettings["extra"];
  } & Partial<Branding>;
  /** CIDR; undefined: as it is. */
  networkV4?: string;
  networkV6?: string;
  onboarding?: { flowPending: boolean; signupFormPending: boolean };
}

/** The caller's own account. */
export async function requireAccount(db: Db, id: AccountId): Promise<Account> {
  const account = await getAccount(db, id);
  if (!account) throw new AppError("auth.invalid_token", "the token's account is gone");
  return account;
}

/**
 * Full replacement of the settings. Another range of addresses moves every peer.
 * @throws AppError `auth.account_mismatch`, `account.invalid`
 */
export async function changeAccount(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: AccountDraft,
  options?: CommandOptions,
): Promise<Account> {
  requireOwnAccount(actor, id);
  validateSettings(draft.settings);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const before = await requireAccount(trx, actor.account);
      await checkGroups(trx, actor.account, draft.settings);
      const after: Account = {
        ...before,
        settings: {
          ...draft.settings,
          extra: draft.settings.extra ?? before.settings.extra,
          branding_name: draft.settings.branding_name ?? before.settings.branding_name,
          branding_logo: draft.settings.branding_logo ?? before.settings.branding_logo,
          branding_color: draft.settings.branding_color ?? before.settings.branding_color,
        },
        ...(await changedRanges(work, before, draft)),
        ...(draft.onboarding
          ? {
              onboardingFlowPending: draft.onboarding.flowPending,
              signupFormPending: draft.onboarding.signupFormPending,
            }
          : {}),
      };
      await updateAccount(trx, actor.account, after);
      if (after.networkV4 !== before.networkV4 || after.networkV6 !== before.networkV6) {
        await moveAddresses(work, context.random, after);
      }
      for (const { code, meta } of settingEvents(before, after)) await audit(code, actor.account, meta);
      return after;
    },
    options,
  );
}

/**
 * Deletes everything; the server can be set up anew afterwards. There is no event, because events go too.
 * @throws AppError `auth.account_mismatch`
 */
export async function removeAccount(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  requireOwnAccount(actor, id);
  await runCommand(
    context,
    actor,
    async (work) => {
      // Shared proxies stay and have to drop what they serve.
      for (const service of await listServices(work.trx, actor.account)) {
        await reviseService(work, service, service.proxyCluster, "removed");
      }
      await deleteAccount(work.trx, actor.account);
      await reviseTunnel(work, actor.account, actor.account, "removed");
    },
    options,
  );
}

function requireOwnAccount(actor: Actor, id: string): void {
  if (id === actor.account) return;
  throw new AppError("auth.account_mismatch", `the token is not one of the account ${id}`, {
    hint: "GET /api/accounts shows the token's account.",
  });
}

async function checkGroups(db: Db, account: AccountId, settings: AccountDraft["settings"]): Promise<void> {
  const check = (ids: readonly string[], path: string) =>
    requireGroups(db, account, ids, `settings.${path}`, "account.invalid");
  await check(settings.ipv6_enabled_groups, "ipv6_enabled_groups");
  await check(settings.peer_expose_groups ?? [], "peer_expose_groups");
  await check(settings.extra?.network_traffic_logs_groups ?? [], "extra.network_traffic_logs_groups");
}

async function changedRanges(
  { trx }: Work,
  before: Account,
  draft: AccountDraft,
): Promise<Pick<Account, "networkV4" | "networkV6">> {
  const used = [...(await listUsedAddresses(trx, before.id))];
  const check = (text: string, family: 4 | 6, path: string) => {
    const count = used.filter((address) => address.includes(":") === (family === 6)).length;
    const checked = checkAccountRange(text, family, count);
    if (!checked.ok) throw new AppError("account.invalid", checked.why, { path: `settings.${path}` });
    return checked.range;
  };
  const { networkV4, networkV6 } = draft;
  return {
    networkV4: networkV4 ? check(networkV4, 4, "network_range") : before.networkV4,
    networkV6: networkV6 ? check(networkV6, 6, "network_range_v6") : before.networkV6,
  };
}
