import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { openStore } from "../../src/store/open.ts";

const encryptionKey = new Uint8Array(32).fill(1);

suite("a database that cannot be used", () => {
  let folder = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "unreadable-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  async function refusedFor(path: string, key = encryptionKey): Promise<AppError> {
    try {
      await (await openStore({ database: path, encryptionKey: key })).close();
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
    await (await openStore({ database: path, encryptionKey })).close();
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(8192, 0xa5), 0, 8192, 100);
    await refusedFor(path);
  });

  test("a key that belongs to another database", async () => {
    const path = join(folder, "server.db");
    await (await openStore({ database: path, encryptionKey })).close();
    const error = await refusedFor(path, new Uint8Array(32).fill(2));
    assert.match(error.hint, /NB_SERVER_ENCRYPTION_KEY_FILE/);
    await (await openStore({ database: path, encryptionKey })).close();
  });
});
