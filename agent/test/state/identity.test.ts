import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { generatePrivateKey } from "@netbird-proxy/tunnel";
import { identityPath, loadIdentity, saveIdentity } from "../../src/state/identity.ts";
import { StateError } from "../../src/state/state-error.ts";
import { TemporaryFolders } from "../support/temporary-folder.ts";

const folders = new TemporaryFolders();

suite("identity on disk", () => {
  teardown(() => folders.remove());

  test("comes back as it was saved, readable by its owner only", () => {
    const folder = folders.make();
    assert.equal(loadIdentity(folder), undefined);
    const privateKey = generatePrivateKey();
    saveIdentity(folder, { privateKey });
    assert.deepEqual(loadIdentity(folder), { privateKey });
    const membership = { peerId: "peer-1", token: "nba_secret" };
    saveIdentity(folder, { privateKey, membership });
    assert.deepEqual(loadIdentity(folder), { privateKey, membership });
    assert.equal(statSync(identityPath(folder)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["identity.json"]);
  });

  test("permissions that a restore widened are narrowed again", () => {
    const folder = folders.make();
    saveIdentity(folder, { privateKey: generatePrivateKey() });
    chmodSync(identityPath(folder), 0o644);
    loadIdentity(folder);
    assert.equal(statSync(identityPath(folder)).mode & 0o777, 0o600);
  });

  test("a damaged file is an error that names it and says what to do, never a new identity", () => {
    const folder = folders.make();
    saveIdentity(folder, { privateKey: generatePrivateKey(), membership: { peerId: "p", token: "t" } });
    const good = readFileSync(identityPath(folder), "utf8");
    const parsed = JSON.parse(good);
    for (const text of [
      "",
      good.slice(0, -20),
      "[]",
      "null",
      JSON.stringify({ ...parsed, format: 2 }),
      JSON.stringify({ ...parsed, private_key: parsed.private_key.slice(1) }),
      JSON.stringify({ ...parsed, token: undefined }),
      JSON.stringify({ ...parsed, peer_id: "" }),
    ]) {
      writeFileSync(identityPath(folder), text);
      assert.throws(
        () => loadIdentity(folder),
        (error: Error) =>
          error instanceof StateError &&
          error.message.includes(identityPath(folder)) &&
          /backup/.test(error.message),
        text,
      );
      assert.equal(readFileSync(identityPath(folder), "utf8"), text);
    }
  });

  test("what a killed agent left half-written is not what is read", () => {
    const folder = folders.make();
    const privateKey = generatePrivateKey();
    saveIdentity(folder, { privateKey });
    writeFileSync(`${identityPath(folder)}.tmp`, '{"format":1,"priv');
    assert.deepEqual(loadIdentity(folder), { privateKey });
    saveIdentity(folder, { privateKey, membership: { peerId: "p", token: "t" } });
    assert.deepEqual(readdirSync(folder), ["identity.json"]);
  });
});
