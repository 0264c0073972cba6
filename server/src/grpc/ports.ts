import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import type { ChallengeDns } from "../dns/challenge/challenge-dns.ts";
import type { Identity } from "../identity/identity.ts";
import type { Reconciler } from "../reconcile/index.ts";
import type { CountryLookup } from "./access-log-entry.ts";

/** What the gRPC side of the server is built from. */
export interface GrpcPorts {
  /** The same that HTTP routes use: store, clock, randomness. */
  context: CommandContext;
  reconciler: Reconciler;
  /** Where visitors of services sign in. */
  identity: Identity;
  log: Logger;
  /** Answers dns-01 in the DNS of users. */
  challengeDns: ChallengeDns;
  /** Fills in what proxies do not know. */
  countryOf: CountryLookup;
  /** How often signs of life are written and tokens looked at again; a minute. */
  heartbeatMs?: number;
}

export const HEARTBEAT_MS = 60_000;
