import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../scripts/stack/child.ts";
import { repository } from "../scripts/stack/programs.ts";

function quickstart(folder: string, env: Record<string, string> = {}, ...args: string[]) {
  const child = spawn(process.execPath, ["scripts/quickstart.mjs", ...args], {
    cwd: repository,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, QUICKSTART_DIR: folder, ...env },
  });
  const run = { child, output: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      run.output += chunk;
    });
  }
  const code = new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? -1)));
  return { ...run, run, code };
}

suite("npm run quickstart", function () {
  this.timeout(180_000);
  const folder = mkdtempSync(join(tmpdir(), "netbird-proxy-quickstart-"));

  suiteTeardown(() => rmSync(folder, { recursive: true, force: true }));

  test("--once publishes a service, checks the answer and exits 0", async () => {
    const { run, code } = quickstart(folder, {}, "--once");
    assert.equal(await code, 0, run.output);
    assert.match(run.output, /Plan: \d+ to add, 0 to change, 0 to destroy/);
    assert.match(run.output, /"service":"web"/);
    assert.match(run.output, /"service":"api"/);
    assert.match(run.output, /curl --cacert /);
  });

  test("running it again changes nothing", async () => {
    const { run, code } = quickstart(folder, {}, "--once");
    assert.equal(await code, 0, run.output);
    assert.match(run.output, /No changes/);
  });

  test("a port that is busy is replaced by a free one", async () => {
    const blocker = createServer();
    const { readSavedState } = await import("../scripts/quickstart/saved-state.ts");
    const port = readSavedState(join(folder, "state.json")).ports.https!;
    await new Promise<void>((resolve) => blocker.listen(port, "127.0.0.1", resolve));
    try {
      const { run, code } = quickstart(folder, {}, "--once");
      assert.equal(await code, 0, run.output);
      assert.notEqual(readSavedState(join(folder, "state.json")).ports.https, port);
    } finally {
      blocker.close();
    }
  });

  test("Ctrl-C stops everything it started", async () => {
    const { run, code, child } = quickstart(folder);
    await waitFor(
      "it to be ready",
      () => (run.output.includes("Ctrl-C stops everything") ? true : undefined),
      {
        timeoutMs: 90_000,
      },
    );
    const { readSavedState } = await import("../scripts/quickstart/saved-state.ts");
    const { ports } = readSavedState(join(folder, "state.json"));
    child.kill("SIGTERM");
    assert.equal(await code, 0, run.output);
    for (const port of [ports.management!, ports.https!, ports.web!]) {
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`), `something still listens on port ${port}`);
    }
  });

  test("without terraform and tofu it says how to get one", async () => {
    const { run, code } = quickstart(folder, { PATH: "/nonexistent" }, "--once");
    assert.equal(await code, 1);
    assert.match(run.output, /terraform\/install/);
    assert.match(run.output, /opentofu/);
  });
});
