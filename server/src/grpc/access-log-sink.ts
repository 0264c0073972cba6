import type { AccountId } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import type { CommandContext } from "../commands/context.ts";
import { getAccount } from "../store/accounts.ts";
import type { ProxyToken } from "../store/proxy-tokens.ts";
import { accessLogEntry, type CountryLookup } from "./access-log-entry.ts";
import { requireAccount } from "./callers.ts";
import { createTokenUseNotes } from "./note-token-uses.ts";
import type { AccessLogWriter } from "./proxy-service/access-log-writer.ts";

export interface AccessLogSink {
  /**
   * Stores what a proxy saw. Requests for hosts that nobody has belong to no account; there is nobody to show them to.
   * @throws CallFailure when an entry is about another account than the token's; nothing is stored then
   */
  take(logs: readonly management.AccessLog[], token: ProxyToken): Promise<void>;
}

export function createAccessLogSink(
  { store, nowMs }: CommandContext,
  writer: AccessLogWriter,
  countryOf: CountryLookup,
): AccessLogSink {
  const knownAccounts = new Set<string>();
  const noteTokenUses = createTokenUseNotes(store.db);

  async function isKnown(account: AccountId): Promise<boolean> {
    if (knownAccounts.has(account)) return true;
    if (!(await getAccount(store.db, account))) return false;
    knownAccounts.add(account);
    return true;
  }

  return {
    async take(logs, token) {
      const wanted = logs.filter(({ accountId }) => accountId !== "");
      for (const { accountId } of wanted) requireAccount(token, accountId);
      const entries = [];
      for (const log of wanted) {
        if (await isKnown(log.accountId as AccountId)) entries.push(accessLogEntry(log, nowMs(), countryOf));
      }
      if (entries.length === 0) return;
      await writer.write(entries);
      await noteTokenUses(entries);
    },
  };
}
