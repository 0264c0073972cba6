import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityPath, loadIdentity } from "../../src/state/identity.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { eventually } from "../support/eventually.ts";
import { TemporaryFolders } from "../support/temporary-folder.ts";
import { World } from "../support/world.ts";

/** A state folder on a file system of a few pages. Needs root for mount(8). */
suite("the agent on a disk that is full", () => {
  let world: World;
  let folder: string;
  const folders = new TemporaryFolders();
  const processes: AgentProcess[] = [];

  setup(async () => {
    world = new World();
    await world.open();
    folder = folders.make();
  });
  teardown(async () => {
    for (const started of processes.splice(0)) await started.stop("SIGKILL");
    try {
      execFileSync("umount", [folder], { stdio: "ignore" });
    } catch {
      // This test mounted nothing.
    }
    await world.close();
    folders.remove();
  });

  const pageBytes = 4_096;
  function mountPages(pages: number, option = ""): void {
    const options = `${option}size=${pages * pageBytes},mode=0700`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  }
  function up(options: { uid?: number } = {}): AgentProcess {
    const env = { NB_STATE_DIR: folder, NB_SETUP_KEY: "SETUP-KEY", NB_MANAGEMENT_URL: world.management.url };
    const started = new AgentProcess(["up"], env, options);
    processes.push(started);
    return started;
  }

  test("a key that cannot be saved is never enrolled", async () => {
    mountPages(1);
    writeFileSync(join(folder, "filler"), Buffer.alloc(pageBytes));
    assert.equal(statfsSync(folder).bavail, 0);
    const agent = up();
    assert.equal(await agent.exit(), 1);
    assert.equal(
      agent.stderr,
      `agent: cannot write ${identityPath(folder)} (ENOSPC). The disk is full: free some space, then start the agent again.\n`,
    );
    assert.equal(world.management.enrolled.length, 0);
    assert.deepEqual(readdirSync(folder), ["filler"]);
  });

  test("a token that cannot be saved leaves the key, and the next start joins as the same peer", async () => {
    // Room for the key; the file that replaces it does not fit beside it.
    mountPages(1);
    const agent = up();
    assert.equal(await agent.exit(), 1);
    assert.match(agent.stderr, /identity\.json \(ENOSPC\)/);
    assert.deepEqual(readdirSync(folder), ["identity.json"]);
    assert.equal(loadIdentity(folder)?.membership, undefined);
    mountPages(16, "remount,");
    up();
    await eventually("a membership", () => loadIdentity(folder)?.membership);
    const [first, second] = world.management.enrolled;
    assert.equal(second?.publicKey, first?.publicKey);
  });

  test("a state that cannot be saved does not stop the agent", async () => {
    mountPages(2);
    const agent = up();
    await eventually("the link", () => {
      world.proxy.admit(world.management.enrolled[0]?.publicKey ?? "");
      return agent.lines("connected").length === 1;
    });
    // Identity and state fit; a new state needs a third page while the old one is still in use.
    world.management.push(world.state({ revision: 8n, name: "x".repeat(pageBytes) }));
    await eventually("the complaint", () => agent.lines("the newest state could not be saved").length === 1);
    assert.match(String(agent.lines("the newest state could not be saved")[0]?.error), /ENOSPC/);
    assert.equal(agent.running, true);
    assert.equal(readFileSync(identityPath(folder), "utf8").includes('"token"'), true);
  });

  test("a folder of somebody else is named, with what to do", async () => {
    chmodSync(folder, 0o500);
    const nobody = 65_534;
    execFileSync("chown", [String(nobody), folder]);
    const agent = up({ uid: nobody });
    assert.equal(await agent.exit(), 1);
    assert.match(
      agent.stderr,
      /^agent: cannot .* \(EACCES\)\. Give the user .* or choose another with --state-dir\.\n$/,
    );
    assert.ok(agent.stderr.includes(folder));
    assert.equal(world.management.enrolled.length, 0);
  });
});
