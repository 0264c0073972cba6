import { isDeepStrictEqual } from "node:util";
import type { Account } from "../store/accounts.ts";

export interface SettingEvent {
  code: string;
  meta: Record<string, unknown>;
}

/** Settings with an event for on and one for off. */
const switches: readonly (readonly [code: string, read: (account: Account) => boolean])[] = [
  ["account.setting.peer.login.expiration", ({ settings }) => settings.peer_login_expiration_enabled],
  ["account.peer.inactivity.expiration", ({ settings }) => settings.peer_inactivity_expiration_enabled],
  ["account.setting.group.propagation", ({ settings }) => settings.groups_propagation_enabled],
  [
    "account.setting.routing.peer.dns.resolution",
    ({ settings }) => settings.routing_peer_dns_resolution_enabled,
  ],
  ["account.setting.lazy.connection", ({ settings }) => settings.lazy_connection_enabled],
  ["account.setting.peer.expose", ({ settings }) => settings.peer_expose_enabled],
  ["account.setting.peer.approval", ({ settings }) => settings.extra.peer_approval_enabled],
];

/** Keys of the settings that the events above and below speak of. */
const told = new Set([
  "peer_login_expiration_enabled",
  "peer_login_expiration",
  "peer_inactivity_expiration_enabled",
  "peer_inactivity_expiration",
  "groups_propagation_enabled",
  "routing_peer_dns_resolution_enabled",
  "lazy_connection_enabled",
  "peer_expose_enabled",
  "peer_approval_enabled",
  "dns_domain",
  "auto_update_version",
]);

/** What the audit log says about a change of an account. Settings without an event of NetBird's share one of ours. */
export function settingEvents(before: Account, after: Account): SettingEvent[] {
  const events: SettingEvent[] = [];
  const add = (code: string, meta: Record<string, unknown> = {}) => events.push({ code, meta });
  for (const [code, read] of switches) {
    if (read(before) !== read(after)) add(`${code}.${read(after) ? "enable" : "disable"}`);
  }
  const [old, now] = [before.settings, after.settings];
  if (old.peer_login_expiration !== now.peer_login_expiration) {
    add("account.setting.peer.login.expiration.update");
  }
  if (old.peer_inactivity_expiration !== now.peer_inactivity_expiration) {
    add("account.peer.inactivity.expiration.update");
  }
  if (old.dns_domain !== now.dns_domain) {
    add("account.dns.domain.update", { old_dns_domain: old.dns_domain, new_dns_domain: now.dns_domain });
  }
  if (old.auto_update_version !== now.auto_update_version) {
    add("account.settings.auto.version.update", { version: now.auto_update_version });
  }
  for (const [previous, next] of [
    [before.networkV4, after.networkV4],
    [before.networkV6, after.networkV6],
  ]) {
    if (previous === next) continue;
    add("account.network.range.update", { old_network_range: previous, new_network_range: next });
  }
  const others = changedKeys({ ...old, ...old.extra }, { ...now, ...now.extra });
  if (others.length > 0) add("account.setting.update", { settings: others.join(", ") });
  return events;
}

function changedKeys(before: object, after: object): string[] {
  const old = before as Record<string, unknown>;
  return Object.entries(after)
    .filter(([key, value]) => key !== "extra" && !told.has(key) && !isDeepStrictEqual(value, old[key]))
    .map(([key]) => key);
}
