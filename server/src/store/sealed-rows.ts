import type { Knex } from "knex";
import { type SealedPurpose, sealedColumns } from "../secrets/sealed-columns.ts";
import { type SecretBox, sealedPrefix } from "../secrets/secret-box.ts";
import type { Db } from "./transaction.ts";

export type RegisteredColumn = (typeof sealedColumns)[number];

/** How many rows of a table one key seals. */
export interface KeyUse {
  /** Undefined: values of an earlier version that no key opens. */
  keyId: string | undefined;
  table: string;
  rows: number;
}

/** A row whose value could not be sealed anew. */
export interface UnreadableRow {
  /** `services 1a2b` */
  row: string;
  why: string;
}

export interface ResealedPage {
  /** Sealed anew. */
  done: number;
  unreadable: UnreadableRow[];
  /** Where the next page begins; undefined: there is none. */
  next?: readonly unknown[];
}

const ROWS_PER_PAGE = 100;
const V1_ROWS_PER_PAGE = 1_000;

/** Which keys the database needs. Values of an earlier version name no key, so each is tried. */
export async function countKeyUse(db: Db, secrets: SecretBox): Promise<KeyUse[]> {
  const uses: KeyUse[] = [];
  for (const registered of sealedColumns) {
    const { table, column, purpose } = registered;
    const counted = await sealed(db, registered)
      .where(column, "like", "v2.%")
      .groupByRaw("1")
      .select(db.raw("substr(??, 4, 12) as key_id", [column]))
      .count({ rows: "*" });
    const rowsOf = new Map<string | undefined, number>();
    for (const { key_id, rows } of counted) rowsOf.set(key_id, Number(rows));
    let after: readonly unknown[] | undefined;
    do {
      const page = await pageOf(db, registered, "v2.", after, V1_ROWS_PER_PAGE);
      for (const row of page) {
        const id = keyIdOf(secrets, row[column]!, purpose);
        rowsOf.set(id, (rowsOf.get(id) ?? 0) + 1);
      }
      after = page.length < V1_ROWS_PER_PAGE ? undefined : keyOf(registered, page.at(-1)!);
    } while (after);
    for (const [keyId, rows] of rowsOf) uses.push({ keyId, table, rows });
  }
  return uses;
}

/**
 * Seals some rows anew that are not sealed with the current key yet. What a crash left undone is found again; a row that
 * somebody changes at the same time cannot be overwritten with its former value, because commands write in turn.
 * @param trx of `inTransaction`
 */
export async function resealPage(
  trx: Knex.Transaction,
  secrets: SecretBox,
  registered: RegisteredColumn,
  { keyId, after }: { keyId: string; after?: readonly unknown[] },
): Promise<ResealedPage> {
  const { table, column, purpose } = registered;
  const page = await pageOf(trx, registered, sealedPrefix(keyId), after, ROWS_PER_PAGE);
  const unreadable: UnreadableRow[] = [];
  let done = 0;
  for (const row of page) {
    const key = keyOf(registered, row);
    let anew: string;
    try {
      anew = secrets.seal(secrets.open(row[column]!, purpose), purpose);
    } catch (error) {
      unreadable.push({ row: `${table} ${key.join(" ")}`, why: (error as Error).message });
      continue;
    }
    done += await trx(table)
      .where(Object.fromEntries(registered.key.map((name, at) => [name, key[at]])))
      .where(column, row[column]!)
      .update({ [column]: anew });
  }
  const next = page.length < ROWS_PER_PAGE ? undefined : keyOf(registered, page.at(-1)!);
  return { done, unreadable, next };
}

type SealedRow = Record<string, string>;

/** Sealed values of the column that do not begin with `prefix`, in the order of the row's key. */
async function pageOf(
  db: Db,
  registered: RegisteredColumn,
  prefix: string,
  after: readonly unknown[] | undefined,
  limit: number,
): Promise<SealedRow[]> {
  const { column, key } = registered;
  const query = sealed(db, registered)
    .where(column, "not like", `${prefix}%`)
    .select(...key, column)
    .limit(limit);
  for (const name of key) query.orderBy(name);
  if (after) {
    const places = (mark: string) => key.map(() => mark).join(", ");
    query.whereRaw(`(${places("??")}) > (${places("?")})`, [...key, ...after] as string[]);
  }
  return query;
}

/** NULL and an empty string are no sealed values. */
function sealed(db: Db, registered: RegisteredColumn): Knex.QueryBuilder {
  const query = db(registered.table).whereNotNull(registered.column).whereNot(registered.column, "");
  return "only" in registered ? query.where(registered.key[0], registered.only) : query;
}

function keyOf({ key }: RegisteredColumn, row: SealedRow): string[] {
  return key.map((name) => row[name]!);
}

function keyIdOf(secrets: SecretBox, value: string, purpose: SealedPurpose): string | undefined {
  try {
    return secrets.keyIdOf(value, purpose);
  } catch {
    // No sealed value at all: nobody can read it.
    return undefined;
  }
}
