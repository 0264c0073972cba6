import type { ChangeSignal } from "../change-signal.ts";
import type { Db } from "../transaction.ts";

/** An open database, whatever its kind. */
export interface Engine {
  readonly db: Db;
  /** For messages: `the database /var/lib/netbird-server/server.db`; never with a password. */
  readonly where: string;
  /** Other servers may work on it at the same time, each with proxies and agents of its own. */
  readonly shared: boolean;
  readonly changes: ChangeSignal;
  /** Turns a failure to open or to migrate into an error that names the database and what to do. */
  explain(error: unknown): unknown;
  close(): Promise<void>;
}
