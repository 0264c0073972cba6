import { AppError } from "@netbird-proxy/proto";
import knex from "knex";
import { driverCode, isUnreachable, translateDriverError } from "../driver-errors.ts";
import type { Db } from "../transaction.ts";
import type { Engine } from "./engine.ts";
import { createPostgresChangeSignal } from "./postgres-change-signal.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of libpq (`sslmode`, ...). */
  url: string;
  /** So long a database that does not answer yet is waited for. */
  patienceMs: number;
}

const POOL = 10;
const RETRY_MS = 500;

/**
 * PostgreSQL 13 or newer. Any number of servers may share it.
 * @throws AppError `storage.unreachable` or `storage.unreadable`, naming host and database and never the password
 */
export async function openPostgres({ url, patienceMs }: PostgresOptions): Promise<Engine> {
  const where = `the database ${describe(url)}`;
  const explain = (error: unknown) => explained(error, where);
  const db = knex({
    client: "pg",
    connection: { connectionString: url, application_name: "netbird-server", connectionTimeoutMillis: 5_000 },
    // Failures reach the caller; the library need not print them too.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
    pool: { min: 0, max: POOL },
    acquireConnectionTimeout: 15_000,
  });
  try {
    await waitUntilReachable(db, patienceMs);
    await refuseForeign(db, where);
  } catch (error) {
    await db.destroy().catch(() => {});
    throw explain(error);
  }
  const changes = createPostgresChangeSignal(url, db);
  return {
    db,
    where,
    shared: true,
    changes,
    explain,
    async close() {
      await changes.close();
      await db.destroy();
    },
  };
}

/** `user@host:port/database` */
function describe(url: string): string {
  const { username, hostname, port, pathname } = new URL(url);
  return `${username ? `${decodeURIComponent(username)}@` : ""}${hostname || "localhost"}:${port || 5432}${pathname}`;
}

/** In a compose file or after a reboot the database may come up after the server. */
async function waitUntilReachable(db: Db, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      await db.raw("select 1");
      return;
    } catch (error) {
      if (!isUnreachable(error) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Somebody else's schema would be taken for an empty one of ours and be filled with our tables. */
async function refuseForeign(db: Db, where: string): Promise<void> {
  const tables: string[] = await db("information_schema.tables")
    .whereRaw("table_schema = current_schema()")
    .orderBy("table_name")
    .pluck("table_name");
  if (tables.length === 0 || tables.includes("knex_migrations")) return;
  throw new AppError(
    "storage.unreadable",
    `${where} belongs to another program (it has the table ${tables[0]})`,
    { hint: "Point NB_SERVER_DATABASE at a database of the server's own: createdb netbird" },
  );
}

function explained(error: unknown, where: string): unknown {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message || driverCode(error) : String(error);
  if (isUnreachable(error)) {
    return new AppError("storage.unreachable", `${where} does not answer: ${message}`, { cause: error });
  }
  const code = driverCode(error);
  // 28: invalid authorization. 3D000: no such database. 42501: insufficient privilege.
  if (code.startsWith("28") || code === "3D000" || code === "42501") {
    return new AppError("storage.unreadable", `${where} refuses us: ${message}`, {
      cause: error,
      hint: "Check user, password and database name in NB_SERVER_DATABASE; the user must own the database (createdb -O USER NAME).",
    });
  }
  return translateDriverError(error, where);
}
