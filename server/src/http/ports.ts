import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import type { DnsLookup } from "../dns/dns-lookup.ts";
import type { Identity } from "../identity/identity.ts";
import type { ChallengeProbe } from "../net/probe-challenge.ts";
import type { createHashGate } from "../secrets/hash-gate.ts";
import type { TokenRateLimit } from "./limit-tokens.ts";
import type { BrowserRules } from "./security-headers.ts";

/** What the HTTP side needs from the rest of the server. */
export interface HttpPorts {
  context: CommandContext;
  dns: DnsLookup;
  probe: ChallengeProbe;
  log: Logger;
  version: string;
  /** Whether POST /api/setup may hand out a personal access token. */
  setupTokenEnabled: boolean;
  browsers: BrowserRules;
  /** Of the built dashboard; undefined where there is none. */
  dashboardFolder?: string | undefined;
  /** Where people sign in. */
  identity: Identity;
  /** So many passwords are hashed at once, on the whole server. */
  hashGate: ReturnType<typeof createHashGate>;
  tokenRateLimit?: TokenRateLimit | undefined;
  /** Addresses and CIDRs of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
}
