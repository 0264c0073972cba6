import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openStore } from "../../src/store/open.ts";
import { type Db, isPostgres } from "../../src/store/transaction.ts";

/** Set by scripts/test.mjs for the second run of these tests: a PostgreSQL server whose user may make databases. */
const postgresUrl = process.env.TEST_POSTGRES_URL;

export const engine = postgresUrl ? "postgres" : "sqlite";

export interface TestDatabase {
  /** For `openStore` and NB_SERVER_DATABASE. */
  database: string;
  /** For files of the test. */
  folder: string;
  drop(): Promise<void>;
}

/** An empty database of its own for one test, on the engine of this run. */
export async function makeDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "server-test-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  if (!postgresUrl) {
    return { database: join(folder, "server.db"), folder, drop: async () => removeFolder() };
  }
  template ??= makeTemplate();
  const name = `test_${randomBytes(8).toString("hex")}`;
  await onServer(`create database ${name} template ${await template}`);
  return {
    database: urlOf(name),
    folder,
    async drop() {
      removeFolder();
      await onServer(`drop database ${name} with (force)`);
    },
  };
}

let template: Promise<string> | undefined;

/** Copying a database with all tables is much faster than migrating one. */
async function makeTemplate(): Promise<string> {
  const name = `template_${randomBytes(8).toString("hex")}`;
  await onServer(`create database ${name}`);
  const store = await openStore({ database: urlOf(name), encryptionKey: new Uint8Array(32) });
  // Its epoch and key belong to nobody.
  await store.db("server_state").delete();
  await store.close();
  return name;
}

function urlOf(name: string): string {
  const url = new URL(postgresUrl!);
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Our tables, without those of the migrations. */
export async function tableNames(db: Db): Promise<string[]> {
  const names: string[] = isPostgres(db)
    ? await db("information_schema.tables").whereRaw("table_schema = current_schema()").pluck("table_name")
    : await db("sqlite_master").where({ type: "table" }).pluck("name");
  return names.filter((name) => !/^(knex|sqlite)_/.test(name)).sort();
}
