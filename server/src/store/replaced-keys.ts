import { readState, writeState } from "./server-state.ts";
import type { Db } from "./transaction.ts";

const KEY = "replaced_keys";

/** Ids of encryption keys that a rotation has replaced: no server seals with them again. */
export async function readReplacedKeys(db: Db): Promise<string[]> {
  return JSON.parse((await readState(db, KEY)) ?? "[]");
}

export async function writeReplacedKeys(db: Db, ids: readonly string[]): Promise<void> {
  await writeState(db, KEY, JSON.stringify([...new Set(ids)]));
}
