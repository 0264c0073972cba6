import assert from "node:assert/strict";
import { control } from "@netbird-proxy/proto/grpc";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { countAlerts } from "../../src/store/certificate-alerts.ts";
import {
  answer,
  type ControlPlane,
  connectScriptedProxy,
  type ScriptedProxy,
  startControlPlane,
} from "../support/control-plane.ts";

const { CERTIFICATE_STATE_FAILED, CERTIFICATE_STATE_READY } = control.CertificateState;
const DAY = 24 * 3_600;

suite("audit events about certificates", () => {
  let plane: ControlPlane;
  const proxies = new Map<string, ScriptedProxy>();
  setup(async () => {
    plane = await startControlPlane();
    const token = await plane.token();
    for (const proxyId of ["proxy-1", "proxy-2"]) {
      const proxy = connectScriptedProxy(plane, { token, proxyId, resume: { epoch: "", revision: 0 } });
      await proxy.synced();
      proxies.set(proxyId, proxy);
    }
  });
  teardown(() => plane.close());

  async function report(
    proxyId: string,
    serviceId: string,
    certificate: Partial<control.CertificateReport>,
  ): Promise<void> {
    const { clients, metadata } = proxies.get(proxyId)!;
    const request = control.ReportStateRequest.fromPartial({
      proxyId,
      services: [{ serviceId, servingRevision: 1n, certificate }],
    });
    await answer<control.ReportStateResponse>((done) =>
      clients.proxyControl.reportState(request, metadata, done),
    );
  }

  const failed = { state: CERTIFICATE_STATE_FAILED, reason: "certificate.dns", message: "no such name" };
  function good(): Partial<control.CertificateReport> {
    const nowSeconds = Math.floor(plane.context.nowMs() / 1000);
    return {
      state: CERTIFICATE_STATE_READY,
      issuedAtUnixSeconds: BigInt(nowSeconds),
      expiresAtUnixSeconds: BigInt(nowSeconds + 90 * DAY),
    };
  }
  async function events(): Promise<[string, string | undefined][]> {
    const all = await listAuditEvents(plane.store.db, plane.account, 50);
    return all
      .filter(({ activityCode }) => activityCode.startsWith("service.certificate."))
      .map(({ activityCode, meta }): [string, string | undefined] => [
        activityCode.split(".")[2]!,
        meta.message,
      ])
      .reverse();
  }

  test("one when it begins to fail and one when it is well again, however many proxies say so", async () => {
    const { id } = await plane.service("shop");
    await report("proxy-1", id, failed);
    await report("proxy-2", id, failed);
    await report("proxy-1", id, failed);
    assert.deepEqual(await events(), [["fail", "no such name"]]);
    assert.deepEqual(await countAlerts(plane.store.db), { failed: 1, expiring: 0 });
    await report("proxy-1", id, good());
    assert.equal((await events()).length, 1, "the other proxy has none yet");
    await report("proxy-2", id, good());
    assert.deepEqual(await events(), [
      ["fail", "no such name"],
      ["recover", undefined],
    ]);
    assert.deepEqual(await countAlerts(plane.store.db), { failed: 0, expiring: 0 });
  });

  test("one when it runs out without a newer one", async () => {
    const { id } = await plane.service("shop");
    const certificate = good();
    await report("proxy-1", id, certificate);
    plane.clock.aheadMs += 77 * DAY * 1000;
    const late = { ...certificate, reason: "certificate.rate_limited", message: "too many" };
    await report("proxy-1", id, late);
    await report("proxy-1", id, late);
    assert.deepEqual(await events(), [["expire", "too many"]]);
    assert.deepEqual(await countAlerts(plane.store.db), { failed: 0, expiring: 1 });
    const [event] = await listAuditEvents(plane.store.db, plane.account, 1);
    assert.deepEqual(event!.meta, {
      domain: "shop.eu.example.net",
      proxy_id: "proxy-1",
      reason: "certificate.rate_limited",
      message: "too many",
    });
  });
});
