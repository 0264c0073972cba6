import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "server/dist/main.js");

suite("the bundled server", () => {
  let folder = "";
  let child: ChildProcess | undefined;
  let mounted = false;

  suiteSetup(function () {
    this.timeout(60_000);
    execFileSync(process.execPath, ["scripts/build.mjs", "server"], { cwd: root, stdio: "pipe" });
  });
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "program-"));
  });
  teardown(async () => {
    if (child && child.exitCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    child = undefined;
    if (mounted) execFileSync("umount", [folder]);
    mounted = false;
    rmSync(folder, { recursive: true, force: true });
  });

  const env = () => ({
    PATH: process.env.PATH,
    NB_SERVER_STATE_DIR: folder,
    NB_SERVER_ADDRESS: "127.0.0.1:0",
  });

  /** @returns the base URL, once the server says that it listens */
  async function start(): Promise<string> {
    // From another folder: a bundle must not depend on where it is started.
    child = spawn(process.execPath, [program], {
      cwd: tmpdir(),
      env: env(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const chunk of child.stdout!) {
      for (const line of String(chunk).split("\n").filter(Boolean)) {
        const entry = JSON.parse(line) as { msg: string; port: number };
        if (entry.msg === "listening") return `http://127.0.0.1:${entry.port}`;
      }
    }
    return assert.fail("the server ended before it listened");
  }

  const cli = (...args: string[]) =>
    execFileSync(process.execPath, [program, ...args], {
      cwd: tmpdir(),
      env: env(),
      stdio: "pipe",
    }).toString();

  async function post(url: string, token: string, body: unknown) {
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Token ${token}` },
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      body: (await response.json()) as { error?: { code: string; hint: string } },
    };
  }

  const owner = [
    "setup",
    "--email",
    "a@example.com",
    "--name",
    "A",
    "--password",
    "12345678",
    "--create-pat",
  ];

  test("is set up from the command line, serves, and ends with 0 on SIGTERM", async () => {
    const token = cli(...owner).trim();
    assert.equal(cli(...owner), "");
    const url = await start();
    const instance = (await (await fetch(`${url}/api/instance`)).json()) as { setup_required: boolean };
    assert.equal(instance.setup_required, false);
    assert.equal((await post(`${url}/api/groups`, token, { name: "g" })).status, 200);
    assert.match(cli("token", "create", "--name", "while-it-runs"), /^nbx_/);
    child!.kill("SIGTERM");
    const [code] = await once(child!, "exit");
    assert.equal(code, 0);
  }).timeout(30_000);

  test("a second signal does not wait for a request that never ends", async () => {
    cli(...owner);
    const { port } = new URL(await start());
    const hanging = connect(Number(port), "127.0.0.1");
    hanging.on("error", () => {});
    hanging.write("POST /api/setup HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    await setTimeout(200);
    child!.kill("SIGTERM");
    await setTimeout(200);
    assert.equal(child!.exitCode, null);
    child!.kill("SIGINT");
    const [code] = await once(child!, "exit");
    assert.equal(code, 1);
    hanging.destroy();
  }).timeout(30_000);

  test("on a volume that fills up it answers reads, refuses writes, and recovers", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
    mounted = true;
    const token = cli(...owner).trim();
    const url = await start();
    const filler = join(folder, "filler");
    assert.throws(() => writeFileSync(filler, Buffer.alloc(4 * 1024 * 1024)), { code: "ENOSPC" });
    const groups = async () =>
      (await (
        await fetch(`${url}/api/groups`, { headers: { authorization: `Token ${token}` } })
      ).json()) as unknown[];
    assert.equal((await groups()).length, 1);
    // The last page of the log may still have room.
    let made = 1;
    let refused = await post(`${url}/api/groups`, token, { name: "g1" });
    for (; refused.status === 200; made += 1) {
      refused = await post(`${url}/api/groups`, token, { name: `g${made + 1}` });
    }
    assert.deepEqual([refused.status, refused.body.error?.code], [507, "storage.full"]);
    assert.match(refused.body.error!.hint, /Free disk space/);
    assert.equal((await groups()).length, made);
    rmSync(filler);
    assert.equal((await post(`${url}/api/groups`, token, { name: "g" })).status, 200);
    assert.equal((await groups()).length, made + 1);
  }).timeout(30_000);
});
