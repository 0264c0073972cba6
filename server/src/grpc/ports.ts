import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import type { Reconciler } from "../reconcile/index.ts";

/** What the gRPC side of the server is built from. */
export interface GrpcPorts {
  /** The same that HTTP routes use: store, clock, randomness. */
  context: CommandContext;
  reconciler: Reconciler;
  log: Logger;
}
