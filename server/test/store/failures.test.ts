import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { ErrorBody } from "@netbird-proxy/proto/rest";
import { openStore } from "../../src/store/open.ts";
import {
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const encryptionKey = new Uint8Array(32).fill(1);

suite("a database that cannot be used", () => {
  let folder = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "unreadable-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  async function refusedFor(path: string, key = encryptionKey): Promise<AppError> {
    try {
      await (await openStore({ path, encryptionKey: key })).close();
    } catch (error) {
      assert.ok(error instanceof AppError, String(error));
      assert.equal(error.code, "storage.unreadable");
      assert.ok(error.message.includes(path), error.message);
      assert.notEqual(error.hint, "");
      return error;
    }
    return assert.fail("it was opened");
  }

  test("text instead of a database is named and left as it is", async () => {
    const path = join(folder, "notes.txt");
    const text = "shopping list\n".repeat(500);
    writeFileSync(path, text);
    assert.match((await refusedFor(path)).hint, /backup/);
    assert.equal(readFileSync(path, "utf8"), text);
  });

  test("a folder in its place", async () => {
    const path = join(folder, "server.db");
    mkdirSync(path);
    await refusedFor(path);
  });

  test("pages that were overwritten", async () => {
    const path = join(folder, "server.db");
    await (await openStore({ path, encryptionKey })).close();
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(8192, 0xa5), 0, 8192, 100);
    await refusedFor(path);
  });

  test("a key that belongs to another database", async () => {
    const path = join(folder, "server.db");
    await (await openStore({ path, encryptionKey })).close();
    const error = await refusedFor(path, new Uint8Array(32).fill(2));
    assert.match(error.hint, /NB_SERVER_ENCRYPTION_KEY_FILE/);
    await (await openStore({ path, encryptionKey })).close();
  });
});

suite("a full disk", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  /** SQLite refuses to grow the file, with the error that a full volume gives. */
  const pages = async (limit: number) => server.store.db.raw(`pragma max_page_count = ${limit}`);

  async function fillUp() {
    await pages(1);
    for (let n = 0; n < 500; n += 1) {
      const before = await contents(server.store);
      const answer = await server.call("POST", "/groups", { name: `${n} ${"x".repeat(240)}` });
      if (answer.status !== 200) return { answer, before };
    }
    return assert.fail("the disk never filled up");
  }

  test("refuses the write with a code and a hint, keeps nothing of it, and goes on reading", async () => {
    const { answer, before } = await fillUp();
    assert.deepEqual(refusal(answer), { status: 507, code: "storage.full", path: "" });
    assertConforms(ErrorBody, answer.body);
    assert.match(answer.body.error.hint, /Free disk space/);
    assert.deepEqual(await contents(server.store), before);
    server.nowMs += 120_000;
    assert.equal((await server.call("GET", "/groups")).status, 200);
  });

  test("is over as soon as there is space again", async () => {
    await fillUp();
    await pages(1_000_000);
    assert.equal((await server.call("POST", "/groups", { name: "afterwards" })).status, 200);
  });

  test("a dry run needs no space", async () => {
    await fillUp();
    const answer = await server.call("POST", "/groups?dry_run=true", { name: "x" });
    assert.ok([200, 507].includes(answer.status), answer.text);
  });
});
