import { deepEqual, equal, notEqual } from "node:assert/strict";
import knex, { type Knex } from "knex";
import { cacheStatements } from "../../../src/store/engine/cached-statements.ts";
import { sqliteClient } from "../../../src/store/sqlite-client.ts";

interface Prepared {
  readonly busy: boolean;
  all(): unknown[];
  iterate(): Iterator<unknown>;
}

interface RawConnection {
  prepare(sql: string): Prepared;
  exec(sql: string): void;
}

suite("statements remembered by a SQLite connection", () => {
  let db: Knex;
  let raw: RawConnection;

  setup(async () => {
    db = knex({ client: sqliteClient, connection: { filename: ":memory:" }, useNullAsDefault: true });
    raw = (await db.client.acquireConnection()) as RawConnection;
    cacheStatements(raw);
    raw.exec("create table things (name text); insert into things values ('a'), ('b')");
  });

  teardown(async () => {
    await db.client.releaseConnection(raw);
    await db.destroy();
  });

  test("the same text is compiled once", () => {
    const first = raw.prepare("select * from things");
    equal(raw.prepare("select * from things"), first);
    notEqual(raw.prepare("select name from things"), first);
    deepEqual(first.all(), [{ name: "a" }, { name: "b" }]);
    deepEqual(first.all(), [{ name: "a" }, { name: "b" }]);
  });

  test("a statement whose rows somebody is stepping through is not given to others", () => {
    const rows = raw.prepare("select * from things").iterate();
    rows.next();
    const second = raw.prepare("select * from things");
    deepEqual(second.all(), [{ name: "a" }, { name: "b" }]);
    deepEqual(rows.next().value, { name: "b" });
    rows.return?.();
  });

  test("a change of the tables is seen", async () => {
    const query = raw.prepare("select * from things");
    query.all();
    (raw.prepare("alter table things add column size integer default 7") as unknown as { run(): void }).run();
    notEqual(raw.prepare("select * from things"), query);
    deepEqual(raw.prepare("select * from things").all()[0], { name: "a", size: 7 });
  });

  test("only so many are kept, those used last", () => {
    const often = raw.prepare("select 'often'");
    const rare = raw.prepare("select 'rare'");
    for (let n = 0; n < 499; n += 1) {
      raw.prepare(`select ${n}`);
      equal(raw.prepare("select 'often'"), often);
    }
    notEqual(raw.prepare("select 'rare'"), rare);
  });

  test("a statement that does not compile is an error every time", () => {
    for (let n = 0; n < 2; n += 1) {
      let message = "";
      try {
        raw.prepare("select * from missing");
      } catch (error) {
        message = (error as Error).message;
      }
      equal(message, "no such table: missing");
    }
  });
});
