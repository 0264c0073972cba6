import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { AgentStatus } from "../../src/status/agent-status.ts";
import { askAgent, StatusSocket, statusSocketPath } from "../../src/status/status-socket.ts";
import { eventually } from "../support/eventually.ts";
import { TemporaryFolders } from "../support/temporary-folder.ts";

const folders = new TemporaryFolders();
const status = () => ({ name: "web" }) as AgentStatus;

suite("the local socket of a running agent", () => {
  const open: StatusSocket[] = [];
  teardown(async () => {
    for (const socket of open.splice(0)) await socket.close();
    folders.remove();
  });
  const start = async (folder: string, stop = () => {}) => {
    const socket = await StatusSocket.open(folder, { status, stop });
    open.push(socket);
    return socket;
  };

  test("answers with the status, to the owner of the folder only", async () => {
    const folder = folders.make();
    assert.equal(await askAgent(folder, "status"), undefined);
    await start(folder);
    assert.equal(await askAgent(folder, "status"), '{"name":"web"}\n');
    assert.equal(statSync(statusSocketPath(folder)).mode & 0o777, 0o600);
  });

  test("stops the agent when asked to", async () => {
    const folder = folders.make();
    let stopped = false;
    await start(folder, () => {
      stopped = true;
    });
    await askAgent(folder, "stop");
    await eventually("the stop", () => stopped);
  });

  test("one folder has one agent; when that is gone the folder is free again", async () => {
    const folder = folders.make();
    const first = await start(folder);
    await assert.rejects(start(folder), /already running/);
    open.length = 0;
    await first.close();
    await start(folder);
  });

  test("a path longer than a socket may have is replaced by a short one", async () => {
    const folder = join(folders.make(), "x".repeat(120));
    mkdirSync(folder);
    assert.ok(Buffer.byteLength(statusSocketPath(folder)) <= 103);
    await start(folder);
    assert.equal(await askAgent(folder, "status"), '{"name":"web"}\n');
  });

  test("a client that sends nonsense, or nothing and leaves, disturbs nobody", async () => {
    const folder = folders.make();
    await start(folder);
    const nonsense = connect(statusSocketPath(folder));
    nonsense.on("error", () => {});
    nonsense.end("x".repeat(1_000));
    const silent = connect(statusSocketPath(folder));
    silent.on("connect", () => silent.destroy());
    await new Promise((resolve) => silent.on("close", resolve));
    assert.equal(await askAgent(folder, "status"), '{"name":"web"}\n');
    nonsense.destroy();
  });
});
