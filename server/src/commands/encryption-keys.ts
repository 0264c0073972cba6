import { randomBytes } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import { readKeyFile, replaceKeyFile } from "../secrets/key-file.ts";
import { withKeyAdded, withKeyFirst, withoutKeys } from "../secrets/key-text.ts";
import { KEY_BYTES, sealingKey } from "../secrets/keyring.ts";
import { sealedColumns } from "../secrets/sealed-columns.ts";
import { readReplacedKeys, writeReplacedKeys } from "../store/replaced-keys.ts";
import { countKeyUse, type KeyUse, resealPage, type UnreadableRow } from "../store/sealed-rows.ts";
import { listServerKeyrings, type ServerKeyring } from "../store/server-keyrings.ts";
import { type Db, inTransaction } from "../store/transaction.ts";
import type { CommandContext } from "./context.ts";

/** What the commands for encryption keys need from outside. */
export interface KeyPorts {
  context: CommandContext;
  /** Undefined: the keys come from the environment, and no command can change them. */
  keyFile: string | undefined;
  /** Progress, one line each. */
  say(line: string): void;
  sleep(ms: number): Promise<void>;
}

/**
 * `current` seals; `next` waits to become current; `replaced` only opens; `missing` is needed by rows and is not in the
 * file.
 */
export type KeyRole = "current" | "next" | "replaced" | "missing";

export interface KeyState {
  id: string;
  role: KeyRole;
  /** By table; empty: no row needs the key. */
  rows: Record<string, number>;
}

export interface KeyStatus {
  keys: KeyState[];
  /** Values of an earlier version, by table, that no key in the file opens. */
  unreadable: Record<string, number>;
  servers: ServerKeyring[];
}

/** Servers look at the file every second. */
const WAIT_FOR_SERVERS_MS = 10_000;
const POLL_MS = 200;
/** SQLite lets writers try again after up to 100 ms; they have to find the database free. */
const PAUSE_MS = 20;

export async function readKeyStatus({ context }: Pick<KeyPorts, "context">, db?: Db): Promise<KeyStatus> {
  const { store, nowMs } = context;
  const connection = db ?? store.db;
  const { keyring, secrets } = store;
  keyring.refresh();
  const replaced = await readReplacedKeys(connection);
  keyring.replaced(replaced);
  const uses = await countKeyUse(connection, secrets);
  const current = keyring.current().id;
  const inFile = keyring.keys().map(({ id }) => id);
  const used = uses.flatMap(({ keyId }) => (keyId === undefined ? [] : [keyId]));
  const role = (id: string): KeyRole => {
    if (id === current) return "current";
    if (!inFile.includes(id)) return "missing";
    return replaced.includes(id) || used.includes(id) ? "replaced" : "next";
  };
  return {
    keys: [...new Set([...inFile, ...used])].map((id) => ({ id, role: role(id), rows: rowsOf(uses, id) })),
    unreadable: rowsOf(uses, undefined),
    servers: await listServerKeyrings(connection, nowMs()),
  };
}

function rowsOf(uses: readonly KeyUse[], id: string | undefined): Record<string, number> {
  return Object.fromEntries(uses.filter(({ keyId }) => keyId === id).map(({ table, rows }) => [table, rows]));
}

/**
 * Puts a new key into the file without sealing with it, so that the file can be copied to other servers first.
 * @returns the key that waits already, if there is one
 * @throws AppError `key.not_in_file`, `key.file_unwritable`
 */
export async function addKey(ports: KeyPorts): Promise<{ id: string; made: boolean }> {
  const keyFile = requireKeyFile(ports);
  const { store, nowMs } = ports.context;
  // Commands that run at once wait for each other here, and none overwrites what another one wrote to the file.
  return inTransaction(store.db, async (trx) => {
    const waiting = (await readKeyStatus(ports, trx)).keys.find(({ role }) => role === "next");
    if (waiting) return { id: waiting.id, made: false };
    const key = sealingKey(randomBytes(KEY_BYTES));
    const day = new Date(nowMs()).toISOString().slice(0, 10);
    replaceKeyFile(keyFile, withKeyAdded(readKeyFile(keyFile) ?? "", key, `made ${day}`));
    store.keyring.refresh();
    return { id: key.id, made: true };
  });
}

export interface Rotation {
  keyId: string;
  /** Rows that were sealed anew. */
  rows: number;
  /** It went on with a rotation that was begun before. */
  resumed: boolean;
}

/**
 * Makes another key the current one and seals every row with it: the key that waits, or a new one. A rotation that was
 * begun and not finished is gone on with instead. Servers may be running.
 *
 * The order is what makes a crash at any point harmless: every running server has read the new key before it seals
 * anything; the file has it before the database does; and the database's own check value comes before all other rows,
 * so that a server without the key fails when it starts.
 *
 * @throws AppError `key.unknown_to_server`, `key.values_unreadable`, `key.not_in_file`, `key.file_unwritable`
 */
export async function rotateKey(ports: KeyPorts): Promise<Rotation> {
  const { store } = ports.context;
  const { keyring } = store;
  const status = await readKeyStatus(ports);
  const total = (rows: Record<string, number>) => Object.values(rows).reduce((sum, n) => sum + n, 0);
  // Values that nothing opens are an end that was not reached either: they must not make a new key on every run.
  const resumed =
    total(status.unreadable) > 0 ||
    status.keys.some(({ role, rows }) => role !== "current" && total(rows) > 0);
  let keyId = keyring.current().id;
  if (resumed) ports.say(`going on with the rotation to key ${keyId}`);
  else {
    const { id, made } = await addKey(ports);
    keyId = id;
    ports.say(made ? `made key ${id}` : `key ${id} becomes the current one`);
  }
  await untilServers(
    ports,
    (server) => server.knownKeys.includes(keyId),
    (names) => {
      throw new AppError(
        "key.unknown_to_server",
        `${names.join("; ")}: no key ${keyId}, so nothing is sealed with it yet`,
      );
    },
  );
  await makeCurrent(ports, keyId);
  const first = await resealAll(ports, keyId);
  // What a server sealed until it noticed.
  await untilServers(
    ports,
    (server) => server.currentKey === keyId,
    (names) => {
      throw new AppError(
        "key.in_use",
        `${names.join("; ")}: still seals with another key than ${keyId} and does not answer`,
        { hint: "Run `key rotate` again; a server that is gone for good is forgotten after a minute." },
      );
    },
  );
  const second = await resealAll(ports, keyId);
  if (second.unreadable.length > 0) throw unreadableRows(second.unreadable);
  return { keyId, rows: first.done + second.done, resumed };
}

async function makeCurrent(ports: KeyPorts, keyId: string): Promise<void> {
  const { store } = ports.context;
  await inTransaction(store.db, async (trx) => {
    const { keys } = await readKeyStatus(ports, trx);
    if (ports.keyFile !== undefined && store.keyring.keys()[0]!.id !== keyId) {
      replaceKeyFile(ports.keyFile, withKeyFirst(readKeyFile(ports.keyFile) ?? "", keyId));
      store.keyring.refresh();
    }
    const before = await readReplacedKeys(trx);
    const others = keys.filter(({ id, role }) => id !== keyId && role !== "next").map(({ id }) => id);
    const replaced = [...before, ...others].filter((id) => id !== keyId);
    await writeReplacedKeys(trx, replaced);
    store.keyring.replaced(replaced);
    await resealPage(trx, store.secrets, sealedColumns[0], { keyId });
  });
}

async function resealAll(
  { context: { store }, say, sleep }: KeyPorts,
  keyId: string,
): Promise<{ done: number; unreadable: UnreadableRow[] }> {
  const all = { done: 0, unreadable: [] as UnreadableRow[] };
  for (const column of sealedColumns) {
    let done = 0;
    let after: readonly unknown[] | undefined;
    do {
      const startedMs = performance.now();
      const page = await inTransaction(store.db, (trx) =>
        resealPage(trx, store.secrets, column, { keyId, after }),
      );
      done += page.done;
      all.unreadable.push(...page.unreadable);
      after = page.next;
      if (page.done > 0) say(`${column.table}: ${done} rows sealed anew`);
      if (after) await sleep(Math.max(PAUSE_MS, 2 * (performance.now() - startedMs)));
    } while (after);
    all.done += done;
  }
  return all;
}

/** @param late is called with the labels of the servers that did not come to `agree` in time */
async function untilServers(
  { context: { store, nowMs }, say, sleep }: KeyPorts,
  agree: (server: ServerKeyring) => boolean,
  late: (labels: string[]) => never,
): Promise<void> {
  let told = false;
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const behind = (await listServerKeyrings(store.db, nowMs())).filter((server) => !agree(server));
    if (behind.length === 0) return;
    const labels = behind.map(({ label }) => `server ${label}`);
    if (waitedMs >= WAIT_FOR_SERVERS_MS) late(labels);
    if (!told) say(`waiting for ${labels.join("; ")}`);
    told = true;
    await sleep(POLL_MS);
  }
}

function unreadableRows(rows: readonly UnreadableRow[]): AppError {
  const shown = rows.slice(0, 5).map(({ row, why }) => `${row} (${why})`);
  const more = rows.length > shown.length ? `, and ${rows.length - shown.length} more` : "";
  return new AppError(
    "key.values_unreadable",
    `all other rows are sealed anew, but ${rows.length === 1 ? "one cannot" : `${rows.length} cannot`} be read: ${shown.join(", ")}${more}`,
  );
}

/**
 * Removes keys that no row needs any more.
 * @param ids only these; otherwise every key that a rotation has replaced
 * @returns the removed ones
 * @throws AppError `key.in_use` while a row or a server needs one of them; `key.not_found`, `key.not_in_file`,
 *   `key.file_unwritable`
 */
export async function pruneKeys(ports: KeyPorts, ids: readonly string[] = []): Promise<string[]> {
  const { store } = ports.context;
  // While nobody else writes: a row that is sealed with one of the keys in this moment would be lost.
  return inTransaction(store.db, async (trx) => {
    const { keys, servers } = await readKeyStatus(ports, trx);
    const inFile = keys.filter(({ role }) => role !== "missing");
    const unknown = ids.find((id) => !inFile.some((key) => key.id === id));
    if (unknown !== undefined) {
      throw new AppError("key.not_found", `${store.keyring.where} has no key ${unknown}`);
    }
    const chosen = ids.length > 0 ? inFile.filter(({ id }) => ids.includes(id)) : inFile.filter(isReplaced);
    for (const key of chosen) requireUnused(key, servers);
    if (chosen.length === 0) return [];
    const keyFile = requireKeyFile(ports);
    const gone = chosen.map(({ id }) => id);
    replaceKeyFile(keyFile, withoutKeys(readKeyFile(keyFile) ?? "", gone));
    store.keyring.refresh();
    return gone;
  });
}

function isReplaced({ role }: KeyState): boolean {
  return role === "replaced";
}

function requireUnused({ id, role, rows }: KeyState, servers: readonly ServerKeyring[]): void {
  if (role === "current") {
    throw new AppError("key.in_use", `${id} is the current key`, {
      hint: "Run `key rotate` first: it makes another key the current one.",
    });
  }
  const used = Object.entries(rows).map(([table, n]) => `${n} in ${table}`);
  if (used.length > 0)
    throw new AppError("key.in_use", `rows are still sealed with key ${id}: ${used.join(", ")}`);
  const server = servers.find(({ currentKey }) => currentKey === id);
  if (server) throw new AppError("key.in_use", `server ${server.label} still seals with key ${id}`);
}

/** @throws AppError `key.not_in_file` */
function requireKeyFile({ keyFile, context }: KeyPorts): string {
  if (keyFile !== undefined) return keyFile;
  const { where } = context.store.keyring;
  throw new AppError("key.not_in_file", `the keys come from ${where}, which no command can change`);
}
