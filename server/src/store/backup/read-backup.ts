import { createHash, randomUUID } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import type { Knex } from "knex";
import { driverCode, translateDriverError } from "../driver-errors.ts";
import type { Store } from "../open.ts";
import { countKeyUse } from "../sealed-rows.ts";
import { readState, writeState } from "../server-state.ts";
import { inTransaction, isPostgres } from "../transaction.ts";
import { backupTables } from "./backup-tables.ts";
import type { BackupEnd, BackupHeader } from "./write-backup.ts";

type Row = Record<string, unknown>;

const BATCH = 200;

/**
 * Replaces everything in the database by what a backup holds, in one transaction: a backup that turns out to be damaged
 * changes nothing. The log of revisions starts anew, so every proxy takes a snapshot.
 *
 * @param force also when the database has an account already
 * @returns rows written
 * @throws AppError `backup.unusable`, `backup.database_not_empty`
 */
export async function readBackup(
  store: Store,
  lines: AsyncIterable<string>,
  { force = false }: { force?: boolean } = {},
): Promise<number> {
  const { db } = store;
  return inTransaction(db, async (trx) => {
    if (!force && (await trx("accounts").first("id"))) {
      throw new AppError("backup.database_not_empty", "the database has an account already");
    }
    const writer = await createWriter(trx);
    let header: BackupHeader | undefined;
    let end: BackupEnd | undefined;
    let number = 0;
    const hash = createHash("sha256");
    for await (const line of lines) {
      number += 1;
      const value = parse(line, number);
      if (end) throw unusable(`line ${number} comes after the end`);
      if (!header) {
        header = value as unknown as BackupHeader;
        await checkHeader(trx, header);
        await writer.clear();
      } else if ("end" in value) end = value as unknown as BackupEnd;
      else await add(writer, value, number);
      if (!end) hash.update(`${line}\n`);
    }
    if (!header) throw unusable("it is empty");
    const rows = await writer.flush();
    if (!end || end.rows !== rows) throw unusable("it was cut off: its last line is missing");
    if (end.sha256 !== hash.digest("hex")) {
      throw unusable("it was changed or damaged after it was made: its hash does not match");
    }
    await checkKeys(trx, store);
    await writeState(trx, "epoch", randomUUID());
    if (isPostgres(db)) await advanceSequences(trx);
    return rows;
  });
}

function parse(line: string, number: number): Row {
  try {
    const value = JSON.parse(line);
    if (value !== null && typeof value === "object") return value;
  } catch {
    // Said below.
  }
  throw unusable(`line ${number} is no JSON object`);
}

async function checkHeader(trx: Knex.Transaction, header: BackupHeader): Promise<void> {
  if (header.netbird_server_backup !== 1 || !Array.isArray(header.migrations)) {
    throw unusable("it was not made by this program's backup command");
  }
  const ours: string[] = await trx("knex_migrations").orderBy("name").pluck("name");
  const unknown = header.migrations.filter((name) => !ours.includes(name));
  const missing = ours.filter((name) => !header.migrations.includes(name));
  if (unknown.length === 0 && missing.length === 0) return;
  const version = unknown.length > 0 ? "newer" : "older";
  throw new AppError(
    "backup.unusable",
    `it was made by ${version === "newer" ? "a newer" : "an older"} version of the server`,
    {
      hint: "Restore it with the version that made it into an empty database, then start this version on that database.",
    },
  );
}

/** A backup that was made during a rotation needs both keys; one from before it needs the old key. */
async function checkKeys(trx: Knex.Transaction, { secrets, keyring }: Store): Promise<void> {
  const sealed = await readState(trx, "key_check");
  if (sealed === undefined) throw unusable("it has no check value for its encryption key");
  const uses = await countKeyUse(trx, secrets);
  const known = new Set(keyring.known().map(({ id }) => id));
  const missing = new Set(
    uses.filter(({ keyId }) => keyId === undefined || !known.has(keyId)).map(({ keyId }) => keyId),
  );
  if (missing.size === 0) return;
  const names = [...missing].filter((id) => id !== undefined);
  const lacking =
    names.length > 0 ? ` (${names.join(", ")}; ${keyring.where} has ${[...known].join(", ")})` : "";
  throw new AppError("backup.unusable", `its secrets were encrypted with another key${lacking}`, {
    hint: "Put the key file that belongs to the backup in place, or add its line to the present one (NB_SERVER_ENCRYPTION_KEY_FILE), and restore again.",
  });
}

/** A full disk stays what it is; rows that the schema refuses (a parent is missing, an id comes twice) are the file's fault. */
function rethrow(cause: unknown): never {
  const translated = translateDriverError(cause);
  if (translated instanceof AppError) throw translated;
  throw unusable(`its rows do not fit together (${driverCode(cause)})`, cause);
}

interface Writer {
  clear(): Promise<void>;
  add(table: string, row: Row): Promise<void>;
  flush(): Promise<number>;
}

async function add(writer: Writer, value: Row, number: number): Promise<void> {
  const { table, row } = value;
  const known = backupTables.some(({ name }) => name === table);
  if (!known || row === null || typeof row !== "object") throw unusable(`line ${number} is no row of ours`);
  await writer.add(table as string, row as Row);
}

async function createWriter(trx: Knex.Transaction): Promise<Writer> {
  const columns = new Map<string, Record<string, { type: string }>>();
  for (const { name } of backupTables) {
    columns.set(name, (await trx(name).columnInfo()) as unknown as Record<string, { type: string }>);
  }
  let table = "";
  let waiting: Row[] = [];
  let written = 0;
  const flush = async () => {
    if (waiting.length > 0) await trx(table).insert(waiting).catch(rethrow);
    written += waiting.length;
    waiting = [];
    return written;
  };
  return {
    async clear() {
      // Children first; what is left out of backups goes too.
      for (const name of ["revisions", "idempotency_keys", "failure_budgets", "server_keyrings"])
        await trx(name).delete();
      for (const { name } of [...backupTables].reverse()) await trx(name).delete();
    },
    async add(name, row) {
      if (name !== table || waiting.length >= BATCH) await flush();
      table = name;
      const kinds = columns.get(name)!;
      for (const column of Object.keys(row)) {
        if (!(column in kinds)) throw unusable(`${name} has no column ${column}`);
        // SQLite writes 0 and 1, PostgreSQL knows only true and false.
        if (kinds[column]!.type === "boolean" && row[column] !== null) row[column] = Boolean(row[column]);
      }
      waiting.push(row);
    },
    flush,
  };
}

/** Rows came with their numbers; the next one must not be given twice. */
async function advanceSequences(trx: Knex.Transaction): Promise<void> {
  await trx.raw(
    "select setval(pg_get_serial_sequence('audit_events', 'id'), coalesce((select max(id) from audit_events), 0) + 1, false)",
  );
}

function unusable(why: string, cause?: unknown): AppError {
  return new AppError("backup.unusable", `the backup cannot be used: ${why}`, { cause });
}
