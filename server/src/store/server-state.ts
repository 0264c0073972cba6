import type { Db } from "./transaction.ts";

export async function readState(db: Db, key: string): Promise<string | undefined> {
  const row = await db("server_state").where({ key }).first("value");
  return row?.value;
}

export async function writeState(db: Db, key: string, value: string): Promise<void> {
  await db("server_state").insert({ key, value }).onConflict("key").merge();
}

/** Writes the value unless there is one. @returns the stored value */
export async function ensureState(db: Db, key: string, value: string): Promise<string> {
  const stored = await readState(db, key);
  if (stored !== undefined) return stored;
  await db("server_state").insert({ key, value }).onConflict("key").ignore();
  return (await readState(db, key)) ?? value;
}
