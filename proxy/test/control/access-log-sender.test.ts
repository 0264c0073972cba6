import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { management } from "@netbird-proxy/proto/grpc";
import { AccessLogSender } from "../../src/control/access-log-sender.ts";
import { connectManagement, type ManagementClient } from "../../src/control/management-client.ts";
import { ScriptedManagement, until } from "../support/management-server.ts";

suite("access logs on their way to the server", () => {
  let server: ScriptedManagement;
  let client: ManagementClient;
  let dropped: string[];
  teardown(() => {
    client.close();
    server.stop();
  });

  async function start(options: { stock?: boolean; maxQueued?: number } = {}): Promise<AccessLogSender> {
    server = await new ScriptedManagement({ stock: options.stock ?? false }).start();
    client = connectManagement({ host: "127.0.0.1", port: server.port, tls: false, token: "nbx_test" });
    dropped = [];
    const sender = new AccessLogSender(client, {
      perSecond: 100_000,
      onDropped: (why) => dropped.push(why),
      maxQueued: options.maxQueued,
    });
    sender.setConnected(true);
    return sender;
  }

  function send(sender: AccessLogSender, count: number): void {
    for (let n = 0; n < count; n += 1) {
      if (sender.admit()) sender.send(management.AccessLog.fromPartial({ logId: `log-${n}` }));
    }
  }

  const ids = () => server.accessLogs.map(({ logId }) => logId);
  const expected = (count: number) => Array.from({ length: count }, (_, n) => `log-${n}`);

  test("gRPC weakness 20: many share a call, in their order", async () => {
    const sender = await start();
    send(sender, 1_200);
    await until(() => server.accessLogs.length === 1_200);
    assert.deepEqual(ids(), expected(1_200));
    assert.deepEqual(server.accessLogBatches, [1, 500, 500, 199]);
    assert.deepEqual(dropped, []);
  });

  test("a stock server gets them one by one, none lost by finding out", async () => {
    const sender = await start({ stock: true });
    send(sender, 100);
    await until(() => server.accessLogs.length === 100);
    assert.deepEqual(ids().sort(), expected(100).sort());
    assert.deepEqual(server.accessLogBatches, []);
  });

  test("what a busy server turns away is sent again", async () => {
    const sender = await start();
    server.refuseAccessLogs = status.RESOURCE_EXHAUSTED;
    send(sender, 50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.refuseAccessLogs = undefined;
    await until(() => server.accessLogs.length === 50);
    assert.deepEqual(ids(), expected(50));
    assert.deepEqual(dropped, []);
  });

  test("what a server refuses for good, and what finds no room, is counted", async () => {
    const sender = await start({ maxQueued: 10 });
    server.refuseAccessLogs = status.PERMISSION_DENIED;
    send(sender, 30);
    await until(() => dropped.length === 30);
    assert.deepEqual(new Set(dropped), new Set(["failed", "queue"]));
    assert.deepEqual(ids(), []);
  });
});
