import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { forgetLastState, lastStatePath, loadLastState, saveLastState } from "../../src/state/last-state.ts";
import { stateWith } from "../support/management-server.ts";
import { TemporaryFolders } from "../support/temporary-folder.ts";

const folders = new TemporaryFolders();

suite("last known state on disk", () => {
  teardown(() => folders.remove());
  const state = stateWith({
    revision: 2n ** 60n,
    rules: [{ destination: "100.64.0.5/32", protocol: "tcp", portFirst: 1, portLast: 2, sources: ["a"] }],
  });

  test("comes back as it was saved, for the same peer only", () => {
    const folder = folders.make();
    assert.deepEqual(loadLastState(folder, "peer-1"), { ok: false, why: "none" });
    saveLastState(folder, state);
    assert.deepEqual(loadLastState(folder, "peer-1"), { ok: true, state });
    assert.deepEqual(loadLastState(folder, "peer-2"), { ok: false, why: "other-peer" });
    assert.equal(statSync(lastStatePath(folder)).mode & 0o777, 0o600);
  });

  test("a damaged file is not used", () => {
    const folder = folders.make();
    saveLastState(folder, state);
    const good = readFileSync(lastStatePath(folder), "utf8");
    const parsed = JSON.parse(good);
    const bytes = Buffer.from(parsed.state, "base64");
    bytes[5]! ^= 1;
    for (const text of [
      "",
      good.slice(0, 40),
      "7",
      "null",
      JSON.stringify({ ...parsed, state: bytes.toString("base64") }),
    ]) {
      writeFileSync(lastStatePath(folder), text);
      assert.deepEqual(loadLastState(folder, "peer-1"), { ok: false, why: "damaged" }, text);
    }
  });

  test("is gone after it was forgotten, also when there was none", () => {
    const folder = folders.make();
    forgetLastState(folder);
    saveLastState(folder, state);
    forgetLastState(folder);
    assert.equal(existsSync(lastStatePath(folder)), false);
  });
});
