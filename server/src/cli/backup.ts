import { once } from "node:events";
import { closeSync, createReadStream, createWriteStream, openSync, renameSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { AppError } from "@netbird-proxy/proto";
import type { ServerConfig } from "../config.ts";
import { readBackup } from "../store/backup/read-backup.ts";
import { writeBackup } from "../store/backup/write-backup.ts";
import { copySqlite } from "../store/engine/sqlite.ts";
import { isPostgresUrl } from "../store/open.ts";
import { type Db, inSnapshot } from "../store/transaction.ts";
import { openContext } from "./open-context.ts";
import type { Terminal } from "./run.ts";
import { parseOptions, UsageError } from "./usage-error.ts";

/** Writes a backup of one moment, also while servers work on the database. The file appears when it is complete. */
export async function backupCommand(
  args: string[],
  config: ServerConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parseOptions(args, { "with-access-logs": { type: "boolean" } });
  const [file, ...rest] = positionals;
  if (!file || rest.length > 0) throw new UsageError("backup needs the name of one file");
  const accessLogs = values["with-access-logs"] ?? false;
  const context = await openContext(config);
  const part = `${file}.part`;
  try {
    // Before the work, so that a folder that cannot be written shows at once. Hashes and sealed keys are nobody else's.
    closeSync(openSync(part, "w", 0o600));
    const write = async (db: Db) => {
      const lines = Readable.from(writeBackup(db, { accessLogs, nowMs: context.nowMs() }));
      const out = createWriteStream(part);
      await (isCompressed(file) ? pipeline(lines, createGzip(), out) : pipeline(lines, out));
    };
    if (isPostgresUrl(config.database)) await inSnapshot(context.store.db, write);
    // A transaction would make the server wait until all is written; a copy is there in a moment.
    else await copySqlite(context.store.db, `${file}.copy`, write);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw unwritable(file, error);
  } finally {
    await context.store.close();
  }
  terminal.err(
    `${file} was written${accessLogs ? "" : ", without access logs"}. Keep the encryption key with it, in another place: without it the private keys in the backup are lost.\n`,
  );
  return 0;
}

/** Replaces what is in the database. Servers must not be running. */
export async function restoreCommand(
  args: string[],
  config: ServerConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parseOptions(args, { force: { type: "boolean" } });
  const [file, ...rest] = positionals;
  if (!file || rest.length > 0) throw new UsageError("restore needs the name of one file");
  const input = createReadStream(file);
  await once(input, "open").catch((error: Error) => {
    throw new AppError("backup.unusable", `the backup cannot be read: ${error.message}`, { cause: error });
  });
  const context = await openContext(config);
  try {
    const rows = await readBackup(context.store, linesOf(input, isCompressed(file)), values);
    terminal.err(`${rows} rows were restored. Proxies that connect now are told everything anew.\n`);
    return 0;
  } finally {
    await context.store.close();
  }
}

function isCompressed(file: string): boolean {
  return file.endsWith(".gz");
}

async function* linesOf(input: Readable, compressed: boolean): AsyncGenerator<string> {
  const text = compressed ? input.pipe(createGunzip()) : input;
  if (text !== input) input.on("error", (error) => text.destroy(error));
  let failure: Error | undefined;
  text.on("error", (error) => {
    failure = error;
  });
  const lines = createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (;;) {
    const line = await lines.next().catch((error: Error) => {
      failure ??= error;
      return { done: true, value: undefined };
    });
    if (line.done) break;
    yield line.value!;
  }
  if (failure === undefined) return;
  throw new AppError("backup.unusable", `the backup cannot be read: ${failure.message}`, { cause: failure });
}

function unwritable(file: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof AppError || !["ENOENT", "EACCES", "ENOSPC", "EISDIR", "ENOTDIR"].includes(code ?? ""))
    return error;
  return new AppError("backup.unwritable", `${file} cannot be written: ${message}`, { cause: error });
}
