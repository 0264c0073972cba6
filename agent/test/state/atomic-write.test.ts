import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureStateDir, writeFileAtomically } from "../../src/state/atomic-write.ts";
import { StateError } from "../../src/state/state-error.ts";
import { TemporaryFolders } from "../support/temporary-folder.ts";

const folders = new TemporaryFolders();

suite("writing to the state folder", () => {
  teardown(() => folders.remove());

  test("a write that fails names the path and the remedy and leaves the old content", () => {
    const folder = folders.make();
    const path = join(folder, "file.json");
    writeFileAtomically(path, "old");
    // A folder under the temporary name fails for root too, unlike permissions.
    mkdirSync(`${path}.tmp`);
    assert.throws(
      () => writeFileAtomically(path, "new"),
      (error: Error) =>
        error instanceof StateError && error.message.includes(path) && /EISDIR/.test(error.message),
    );
    assert.equal(readFileSync(path, "utf8"), "old");
  });

  test("a full disk is named as such", () => {
    assert.match(
      new StateError("cannot write", "/x", Object.assign(new Error(), { code: "ENOSPC" })).message,
      /^cannot write \/x \(ENOSPC\)\. The disk is full: free some space/,
    );
  });

  test("a state folder below a file cannot be made, and the message says which", () => {
    const folder = folders.make();
    writeFileSync(join(folder, "file"), "");
    assert.throws(
      () => ensureStateDir(join(folder, "file", "state")),
      (error: Error) => error instanceof StateError && /--state-dir/.test(error.message),
    );
    ensureStateDir(join(folder, "a", "b"));
    assert.equal(statSync(join(folder, "a", "b")).mode & 0o777, 0o700);
  });
});
