import type { AccountId, UserId } from "@netbird-proxy/proto";
import type { PortRange } from "../domain/listen-port.ts";
import type { Random } from "../domain/overlay-address.ts";
import type { Store } from "../store/open.ts";

/** What commands need from outside. */
export interface CommandContext {
  store: Store;
  nowMs(): number;
  random: Random;
  /** For tcp and udp services that name no port. */
  portRange: PortRange;
  /** False: commands leave no audit events. */
  auditEventsEnabled: boolean;
}

/** Who asks, for the audit log. */
export interface Actor {
  account: AccountId;
  id: UserId | string;
  name: string;
  email: string;
}

export interface CommandOptions {
  /** Check everything, answer with the result, keep nothing. */
  dryRun?: boolean;
}

/** The command line and background jobs. */
export function systemActor(account: AccountId): Actor {
  return { account, id: "sys", name: "", email: "" };
}
