import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { control, management } from "@netbird-proxy/proto/grpc";
import { createLogger } from "../../src/observe/log.ts";
import { writeAtomically } from "../../src/state/atomic-file.ts";
import { encodeLastKnown, readLastKnown } from "../../src/state/last-known.ts";
import { StateWriter } from "../../src/state/state-writer.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";

suite("the last known configuration on disk", () => {
  let folder: string;
  let file: string;
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "state-"));
    file = join(folder, "last-known.json");
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  const mapping = httpService("s1", "a.test", "http://10.0.0.1:80/", { revision: 7n });
  const tunnel = control.TunnelState.fromPartial({
    accountId: "account-1",
    address: "100.64.0.1",
    revision: 3n,
  });
  const content = () =>
    encodeLastKnown({
      epoch: "e1",
      revision: 7n,
      mappings: [
        { revision: 7n, bytes: management.ProxyMapping.encode({ ...mapping, revision: 0n }).finish() },
      ],
      tunnels: [control.TunnelState.encode(tunnel).finish()],
      peersSeenAt: { "account-1": { key: "1.2.3.4:5" } },
    });

  test("what is written is what is read", async () => {
    await writeAtomically(file, content());
    const read = readLastKnown(file);
    assert.equal(read.kind, "read");
    if (read.kind !== "read") return;
    assert.equal(read.value.epoch, "e1");
    assert.equal(read.value.revision, 7n);
    assert.deepEqual(read.value.mappings, [mapping]);
    assert.deepEqual(read.value.tunnels, [tunnel]);
    assert.deepEqual(read.value.peersSeenAt, { "account-1": { key: "1.2.3.4:5" } });
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test("no file is no problem", () => {
    assert.deepEqual(readLastKnown(file), { kind: "absent" });
  });

  test("half a file, a flipped bit, another version, and rubbish are moved aside", () => {
    const good = content();
    for (const bad of [
      good.slice(0, good.length / 2),
      good.replace("e1", "e2"),
      good.replace('"version":1', '"version":99'),
      "rubbish",
      "",
      "{}",
      "null",
    ]) {
      writeFileSync(file, bad);
      const read = readLastKnown(file);
      assert.equal(read.kind, "unusable", bad.slice(0, 40));
      assert.ok(!existsSync(file), "moved");
      assert.equal(readFileSync(`${file}.unusable`, "utf8"), bad);
    }
  });

  test("a write that fails leaves the old file and nothing beside it", async () => {
    await writeAtomically(file, "old");
    await assert.rejects(writeAtomically(join(folder, "missing", "x"), "new"));
    assert.equal(readFileSync(file, "utf8"), "old");
  });

  test("changes of one moment become one write", async () => {
    let writes = 0;
    const writer = new StateWriter({
      file,
      log: createLogger("fatal"),
      content: () => "x",
      onResult: () => {},
      write: async () => {
        writes += 1;
      },
      delayMs: 10,
    });
    for (let i = 0; i < 50; i++) writer.changed();
    await until(() => writes > 0);
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(writes, 1);
  });

  test("a full disk is said once, tried again, and said to be over", async () => {
    const lines: { level: string; msg: string }[] = [];
    const results: boolean[] = [];
    let full = true;
    const writer = new StateWriter({
      file,
      log: createLogger("info", { write: (line) => lines.push(JSON.parse(line)) }),
      content: () => "newest",
      onResult: (ok) => results.push(ok),
      write: async (path, text) => {
        if (full) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        await writeAtomically(path, text);
      },
      delayMs: 5,
      retryMs: 5,
    });
    writeFileSync(file, "old");
    writer.changed();
    await until(() => results.length >= 3);
    assert.equal(readFileSync(file, "utf8"), "old");
    assert.equal(lines.filter(({ level }) => level === "error").length, 1);
    full = false;
    await until(() => results.includes(true));
    assert.equal(readFileSync(file, "utf8"), "newest");
    assert.equal(lines.at(-1)!.msg, "configuration is saved again");
    await writer.flush();
  });
});
