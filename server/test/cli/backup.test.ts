import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type RunningApp, startApp } from "../../src/app.ts";
import { run } from "../../src/cli/run.ts";
import { readConfig } from "../../src/config.ts";

suite("backup and restore from the command line", function () {
  this.timeout(30_000);
  let folder = "";
  const apps: RunningApp[] = [];
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "backup-"));
  });
  teardown(async () => {
    for (const app of apps.splice(0)) await app.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const env = (name: string) => ({
    NB_SERVER_STATE_DIR: join(folder, name),
    NB_SERVER_ADDRESS: "127.0.0.1:0",
    NB_SETUP_PAT_ENABLED: "true",
  });
  async function command(name: string, ...args: string[]) {
    const said = { out: "", err: "" };
    const code = await run(args, env(name), {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
    });
    return { code, ...said };
  }
  async function start(name: string) {
    const app = await startApp(readConfig(env(name)), pino({ level: "silent" }));
    apps.push(app);
    let token = "";
    const call = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`http://127.0.0.1:${app.address.port}/api${path}`, {
        method,
        headers: token ? { authorization: `Token ${token}` } : {},
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      assert.equal(response.status, 200, `${method} ${path}`);
      // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
      return (await response.json()) as any;
    };
    return {
      call,
      use: (known: string) => {
        token = known;
      },
    };
  }

  test("a server that goes on writing is saved as it was at one moment, and comes back with the same tokens", async () => {
    const first = await start("first");
    const { personal_access_token: token } = await first.call("POST", "/setup", {
      email: "owner@example.com",
      name: "Owner",
      password: "correct horse",
      create_pat: true,
    });
    first.use(token);
    let writing = true;
    let made = 0;
    const writer = (async () => {
      while (writing) {
        await first.call("POST", "/networks", { name: `network ${made}` });
        made += 1;
      }
    })();
    const file = join(folder, "server.jsonl.gz");
    while (made < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = made;
    const saved = await command("first", "backup", file);
    writing = false;
    await writer;
    assert.equal(saved.code, 0, saved.err);
    assert.match(saved.err, /Keep the encryption key/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(folder).sort(),
      ["first", "server.jsonl.gz"],
      "something was left beside the backup",
    );

    mkdirSync(join(folder, "second"));
    copyFileSync(join(folder, "first", "encryption.key"), join(folder, "second", "encryption.key"));
    const restored = await command("second", "restore", file);
    assert.equal(restored.code, 0, restored.err);
    const second = await start("second");
    second.use(token);
    const names = (await second.call("GET", "/networks")).map(({ name }: { name: string }) => name);
    assert.ok(names.length >= before && names.length <= made, `${before} ${names.length} ${made}`);
    // Of one moment: everything up to the last, nothing in between missing.
    assert.deepEqual(new Set(names), new Set(Array.from({ length: names.length }, (_, n) => `network ${n}`)));
  });

  test("mistakes name the file and what to do", async () => {
    await command("first", "setup", "--email", "a@b.example", "--name", "A", "--password", "12345678");
    const file = join(folder, "backup.jsonl");
    assert.equal((await command("first", "backup", file)).code, 0);
    const cases: [string[], RegExp][] = [
      [["backup", join(folder, "nowhere", "file")], /backup\.unwritable: .*nowhere/],
      [["restore", join(folder, "missing")], /backup\.unusable: .*missing/],
      [["restore", file], /backup\.database_not_empty: .*\n.*--force/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = await command("first", ...args);
      assert.equal(code, 1, err);
      assert.match(err, message);
    }
    assert.equal((await command("first", "backup")).code, 2);
    writeFileSync(join(folder, "damaged.gz"), "no gzip");
    const damaged = await command("first", "restore", "--force", join(folder, "damaged.gz"));
    assert.match(damaged.err, /backup\.unusable: .*header/);
    // A database of another key.
    const other = await command("other", "restore", file);
    assert.match(other.err, /another key .*\n.*NB_SERVER_ENCRYPTION_KEY_FILE/);
    assert.equal((await command("first", "restore", "--force", file)).code, 0);
    assert.ok(!existsSync(`${file}.part`));
  });
});
