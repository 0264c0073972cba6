import { createHash } from "node:crypto";
import type { Db } from "../transaction.ts";
import { backupTables } from "./backup-tables.ts";

/** The first line of a backup. */
export interface BackupHeader {
  netbird_server_backup: 1;
  created_at: string;
  /** Names of the schema's migrations: a backup fits a server that has the same. */
  migrations: string[];
  access_logs: boolean;
}

/** The last line: without it the file was cut off. */
export interface BackupEnd {
  end: true;
  rows: number;
  /** Hex, over every line before this one with its line feed. Finds damage, not forgery: anybody can compute it. */
  sha256: string;
}

const PAGE = 1_000;

/**
 * The database as JSON lines: a header, `{table, row}` for every row, an end. The same for SQLite and PostgreSQL.
 * @param db has to show one moment: a snapshot transaction, or a copy
 */
export async function* writeBackup(
  db: Db,
  { accessLogs, nowMs }: { accessLogs: boolean; nowMs: number },
): AsyncGenerator<string> {
  const header: BackupHeader = {
    netbird_server_backup: 1,
    created_at: new Date(nowMs).toISOString(),
    migrations: await db("knex_migrations").orderBy("name").pluck("name"),
    access_logs: accessLogs,
  };
  const hash = createHash("sha256");
  const hashed = (text: string) => {
    hash.update(text);
    return text;
  };
  yield hashed(`${JSON.stringify(header)}\n`);
  let count = 0;
  for (const { name, key } of backupTables) {
    if (name === "access_logs" && !accessLogs) continue;
    for await (const rows of pagesOf(db, name, key)) {
      count += rows.length;
      yield hashed(rows.map((row) => `${JSON.stringify({ table: name, row })}\n`).join(""));
    }
  }
  const end: BackupEnd = { end: true, rows: count, sha256: hash.digest("hex") };
  yield `${JSON.stringify(end)}\n`;
}

async function* pagesOf(db: Db, table: string, key?: string): AsyncGenerator<Record<string, unknown>[]> {
  if (key === undefined) {
    yield await db(table).select();
    return;
  }
  let after: unknown;
  for (;;) {
    const query = db(table).orderBy(key).limit(PAGE);
    const rows = await (after === undefined ? query : query.where(key, ">", after as string));
    yield rows;
    if (rows.length < PAGE) return;
    after = rows.at(-1)[key];
  }
}
