import assert from "node:assert/strict";
import { type ServiceError, status as Status } from "@grpc/grpc-js";
import { control } from "@netbird-proxy/proto/grpc";
import { sweep } from "../../../src/reconcile/sweep.ts";
import { deleteProxiesOfCluster, getProxy } from "../../../src/store/proxies.ts";
import {
  answer,
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  eventually,
  startControlPlane,
} from "../../support/control-plane.ts";

suite("signs of life and several servers", () => {
  let plane: ControlPlane;
  let token: string;
  setup(async () => {
    plane = await startControlPlane({ heartbeatMs: 20, pollMs: 20 });
    token = await plane.token();
  });
  teardown(() => plane.close());

  const row = () => getProxy(plane.store.db, "proxy-1");

  test("a stock proxy is alive while its stream is open", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    plane.clock.aheadMs += 3_600_000;
    await eventually(async () => (await row())!.lastSeen > Date.now() + 3_500_000);
  });

  test("a proxy that reports is alive by its reports only", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: { epoch: "", revision: 0 } });
    await proxy.synced();
    const report = () =>
      answer((done) =>
        proxy.clients.proxyControl.reportState(
          control.ReportStateRequest.fromPartial({ proxyId: "proxy-1" }),
          proxy.metadata,
          done,
        ),
      );
    await report();
    plane.clock.aheadMs += 60_000;
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.ok((await row())!.lastSeen < Date.now() + 50_000);
    await report();
    assert.ok((await row())!.lastSeen > Date.now() + 50_000);
  });

  test("a proxy that was forgotten while it is connected is remembered again", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    await deleteProxiesOfCluster(plane.store.db, plane.account, CLUSTER);
    await eventually(async () => (await row())?.connected);
    const shop = await plane.service("shop");
    await proxy.until((held) => held.has(shop.id));
  });

  test("an hour of silence forgets a proxy, and old one-time tokens go", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    const shop = await plane.service("shop");
    await proxy.until((held) => held.has(shop.id));
    proxy.cancel();
    await eventually(async () => !(await row())?.connected);
    await sweep(plane.context);
    assert.ok(await row());
    assert.equal((await plane.store.db("one_time_tokens")).length, 1);
    plane.clock.aheadMs += 3_601_000;
    await sweep(plane.context);
    assert.equal(await row(), undefined);
    assert.equal((await plane.store.db("one_time_tokens")).length, 0);
  });

  test("gRPC weakness 24: a token that another process revoked is noticed", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    await plane.store.db("proxy_tokens").update({ revoked: true });
    assert.equal(((await proxy.inbox.end()) as ServiceError).code, Status.CANCELLED);
  });

  test("two servers on one database: each proxy hears of changes made on either", async () => {
    const here = connectScriptedProxy(plane, { token, resume: { epoch: "", revision: 0 } });
    await here.synced();
    const other = await startControlPlane({ heartbeatMs: 20, pollMs: 20, beside: plane });
    try {
      const there = connectScriptedProxy(other, {
        token,
        proxyId: "proxy-2",
        resume: { epoch: "", revision: 0 },
      });
      await there.synced();
      const shop = await other.service("shop");
      await Promise.all([here.until((held) => held.has(shop.id)), there.until((held) => held.has(shop.id))]);
      // The same proxy comes back through the other server: the first one lets go of it.
      const moved = connectScriptedProxy(other, { token, resume: here.resumePoint() });
      await moved.synced();
      assert.equal(moved.received[0]?.delta, true);
      assert.equal(((await here.inbox.end()) as ServiceError).code, Status.CANCELLED);
      assert.equal((await row())?.connected, true);
    } finally {
      await other.close();
    }
  });
});
