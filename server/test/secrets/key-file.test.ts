import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { openKeyFile, replaceKeyFile } from "../../src/secrets/key-file.ts";
import { parseKeys, withKeyAdded, withKeyFirst, withoutKeys } from "../../src/secrets/key-text.ts";
import { sealingKey } from "../../src/secrets/keyring.ts";

const keyOf = (n: number) => sealingKey(new Uint8Array(32).fill(n));
const lineOf = (n: number) => Buffer.from(keyOf(n).bytes).toString("base64");
const idsOf = (text: string) => parseKeys(text, "f").map(({ id }) => id);

suite("the key file", () => {
  let folder = "";
  let path = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "keys-"));
    path = join(folder, "encryption.key");
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  test("holds one key per line, the first is current, comments and repetitions do not count", () => {
    const text = `# ours\n\n${lineOf(1)}\r\n  ${lineOf(2)} # old\n${lineOf(1)}\n#${lineOf(3)}`;
    assert.deepEqual(idsOf(text), [keyOf(1).id, keyOf(2).id]);
  });

  test("a line that is no key is named by its number, and never repeated", () => {
    for (const bad of [lineOf(2).slice(4), "not a key", `${lineOf(1)}${lineOf(2)}`]) {
      assert.throws(
        () => parseKeys(`${lineOf(1)}\n${bad}\n`, "/etc/key"),
        (error) => {
          assert.ok(error instanceof AppError);
          assert.match(error.message, /\/etc\/key, line 2, cannot be used: .*32 bytes in base64/);
          assert.ok(!error.message.includes(bad));
          return true;
        },
      );
    }
    assert.throws(() => parseKeys("# nothing\n", "/etc/key"), /\/etc\/key cannot be used: it must hold 32/);
  });

  test("changes keep comments and the other lines", () => {
    const text = `# ours\n${lineOf(1)} # one\n# two is old\n${lineOf(2)}`;
    const added = withKeyAdded(text, keyOf(3), "made today");
    assert.deepEqual(idsOf(added), [keyOf(1).id, keyOf(2).id, keyOf(3).id]);
    const first = withKeyFirst(added, keyOf(3).id);
    assert.deepEqual(idsOf(first), [keyOf(3).id, keyOf(1).id, keyOf(2).id]);
    assert.ok(first.startsWith(`# ours\n${lineOf(3)} # ${keyOf(3).id}, made today\n${lineOf(1)} # one\n`));
    const without = withoutKeys(first, [keyOf(1).id, keyOf(2).id]);
    assert.deepEqual(idsOf(without), [keyOf(3).id]);
    assert.match(without, /# two is old/);
  });

  test("a server notices that it was changed, and that it is needed", () => {
    writeFileSync(path, `${lineOf(1)}\n`);
    const ring = openKeyFile(path);
    assert.equal(ring.find(keyOf(2).id), undefined);
    replaceKeyFile(path, `${lineOf(1)}\n${lineOf(2)}\n`);
    assert.equal(ring.find(keyOf(2).id)?.id, keyOf(2).id);
    assert.equal(ring.current().id, keyOf(1).id);
    replaceKeyFile(path, `${lineOf(2)}\n`);
    assert.equal(ring.current().id, keyOf(2).id);
    assert.deepEqual(
      ring.keys().map(({ id }) => id),
      [keyOf(2).id],
    );
    // What was read from the database before still opens.
    assert.equal(ring.find(keyOf(1).id)?.id, keyOf(1).id);
    assert.equal(openKeyFile(path).find(keyOf(1).id), undefined);
  });

  test("while it cannot be used, the keys stay; it is tried again", () => {
    writeFileSync(path, `${lineOf(1)}\n`);
    const ring = openKeyFile(path);
    writeFileSync(path, "half a ke");
    assert.equal(ring.current().id, keyOf(1).id);
    assert.throws(() => ring.refresh(), { code: "storage.unreadable" });
    assert.throws(() => ring.refresh(), { code: "storage.unreadable" });
    rmSync(path);
    assert.throws(() => ring.refresh(), /not there any more/);
    assert.equal(ring.current().id, keyOf(1).id);
    assert.ok(!existsSync(path), "a lost key file must not be made anew");
    writeFileSync(path, `${lineOf(2)}\n`);
    assert.equal(ring.current().id, keyOf(2).id);
  });

  test("is replaced at once, keeps its owner, and is nobody else's to read", () => {
    writeFileSync(path, `${lineOf(1)}\n`);
    chmodSync(path, 0o644);
    const asRoot = process.getuid!() === 0;
    if (asRoot) chownSync(path, 12_345, 23_456);
    // Left behind by a command that was killed.
    writeFileSync(`${path}.new`, "rubbish", { mode: 0o644 });
    replaceKeyFile(path, "text\n");
    const { mode, uid, gid } = statSync(path);
    assert.equal(mode & 0o777, 0o640);
    if (asRoot) assert.deepEqual([uid, gid], [12_345, 23_456]);
    assert.equal(readFileSync(path, "utf8"), "text\n");
    chmodSync(path, 0o600);
    replaceKeyFile(path, "text 2\n");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["encryption.key"]);
  });

  test("a link to it stays a link", () => {
    mkdirSync(join(folder, "real"));
    const real = join(folder, "real", "key");
    writeFileSync(real, `${lineOf(1)}\n`);
    symlinkSync(real, path);
    replaceKeyFile(path, "text\n");
    assert.equal(readlinkSync(path), real);
    assert.equal(readFileSync(real, "utf8"), "text\n");
  });

  test("one that cannot be replaced is named, with what to do", () => {
    assert.throws(
      () => replaceKeyFile(join(folder, "missing"), "text"),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "key.file_unwritable");
        assert.match(error.message, /missing cannot be replaced: ENOENT/);
        assert.match(error.hint, /owner or root/);
        return true;
      },
    );
  });
});
