import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { control, management } from "@netbird-proxy/proto/grpc";
import { Backoff } from "../../src/control/backoff.ts";
import { foldStatus } from "../../src/control/legacy-status.ts";
import { type Backend, startBackend, startRawBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { message, ScriptedManagement, until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, TestProxy, testCertificate } from "../support/proxy.ts";

const { TargetState, CertificateState } = control;
const { ProxyStatus } = management;

suite("control stream", () => {
  let backend: Backend;
  const open: { close(): Promise<void> }[] = [];
  suiteSetup(async () => {
    backend = await startBackend();
  });
  suiteTeardown(() => backend.close());
  teardown(async () => {
    for (const proxy of open.splice(0)) await proxy.close();
  });
  async function start(server = new ScriptedManagement()): Promise<TestProxy> {
    const proxy = await startTestProxy({}, server);
    open.push(proxy);
    return proxy;
  }

  test("init says who the proxy is, what it can do and what it holds", async () => {
    const { management: server, app } = await start();
    const init = server.inits[0]!;
    assert.equal(init.proxyId, app.listening.proxyId);
    assert.equal(init.address, "example.test");
    assert.deepEqual(init.resume, { epoch: "", revision: 0n });
    assert.equal(init.publicHttpsPort, 443);
    assert.deepEqual(init.capabilities, {
      supportsCustomPorts: true,
      requireSubdomain: false,
      supportsCrowdsec: false,
      private: true,
      supportsPrivateService: true,
      supportsAccessRules: true,
    });
    assert.equal(server.tokens[0], "Bearer nbx_test");
  });

  test("gRPC weakness 9: every message is acknowledged after it is applied, empty ones too", async () => {
    const { management: server, port, ca } = await start();
    const ack = await server.apply(httpService("s1", "app.example.test", backend.url));
    assert.equal(ack.appliedRevision, 1n);
    assert.equal((await get({ port, ca })).status, 200);
    const before = server.acks.length;
    server.push({});
    await until(() => server.acks.length === before + 1);
  });

  test("a snapshot in many messages is acknowledged one by one", async () => {
    const server = new ScriptedManagement();
    server.snapshot = Array.from({ length: 20 }, (_, i) =>
      message({
        mapping: [httpService(`s${i}`, `s${i}.example.test`, backend.url)],
        initialSyncComplete: i === 19,
      }),
    );
    const { port, ca } = await start(server);
    await until(() => server.acks.length === 20);
    assert.equal((await get({ port, ca, host: "s0.example.test" })).status, 200);
    assert.equal((await get({ port, ca, host: "s19.example.test" })).status, 200);
  });

  test("gRPC weakness 7: odd increments are taken: MODIFIED of the unknown, REMOVED with another domain, CREATED again", async () => {
    const { management: server, port, ca } = await start();
    await server.apply(httpService("s1", "app.example.test", backend.url, { type: 1 }));
    assert.equal((await get({ port, ca })).status, 200);
    await server.apply(httpService("s1", "new.example.test", backend.url));
    assert.equal((await get({ port, ca })).status, 404, "the old domain of a service that moved");
    await server.apply({ ...removed("s1"), domain: "something.else" });
    assert.equal((await get({ port, ca, host: "new.example.test" })).status, 404);
    await server.apply({ ...httpService("s9", "nine.example.test", backend.url), type: 17 as never });
    assert.equal(
      (await get({ port, ca, host: "nine.example.test" })).status,
      404,
      "an unknown type does nothing",
    );
  });

  test("a server without SyncMappings is followed over GetMappingUpdate", async () => {
    const server = new ScriptedManagement({ withoutSync: true, stock: true });
    const proxy = await start(server);
    server.push({ mapping: [httpService("s1", "app.example.test", backend.url)] });
    await until(() => proxy.logged("the server has no SyncMappings; using GetMappingUpdate"));
    for (let i = 0; i < 200; i++) {
      if ((await get({ port: proxy.port, ca: proxy.ca })).status === 200) return;
    }
    assert.fail("the increment did not arrive");
  });

  test("a stock server is told each service's state with SendStatusUpdate", async () => {
    const server = new ScriptedManagement({ stock: true });
    await start(server);
    const dead = await startRawBackend(() => {});
    dead.close();
    await server.apply(
      httpService("good", "good.example.test", backend.url),
      httpService("dead", "dead.example.test", dead.url),
      httpService("name", "name.other.test", backend.url),
      httpService("peer", "peer.example.test", [
        { target: "http://100.64.0.9:80/", options: { directUpstream: false } },
      ]),
    );
    const said = (id: string) => server.statuses.findLast(({ serviceId }) => serviceId === id);
    await until(
      () => said("good")?.status === ProxyStatus.PROXY_STATUS_ACTIVE && said("good")?.certificateIssued,
    );
    await until(() => said("dead")?.status === ProxyStatus.PROXY_STATUS_ERROR);
    assert.match(said("dead")!.errorMessage ?? "", /refused/);
    await until(() => said("name")?.status === ProxyStatus.PROXY_STATUS_CERTIFICATE_FAILED);
    await until(() => said("peer")?.status === ProxyStatus.PROXY_STATUS_TUNNEL_NOT_CREATED);
    const count = server.statuses.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(server.statuses.length, count, "said once per change");
  });

  test("gRPC weakness 10: a refused token is tried again slowly, and the log says what to do", async () => {
    const server = await new ScriptedManagement().start();
    server.refuse = { code: status.UNAUTHENTICATED, details: "invalid token" };
    const proxy = new TestProxy(server, {});
    open.push(proxy);
    await proxy.writeCertificate(await testCertificate());
    await proxy.start();
    await until(() => proxy.logged("control stream lost; serving the last known configuration"));
    const line = proxy.logged("control stream lost; serving the last known configuration")!;
    assert.equal(line.level, "error");
    assert.match(String(line.hint), /NB_PROXY_TOKEN/);
    assert.ok(Number(line.waitMs) >= 15_000);
    assert.equal(proxy.app.control.connected, false);
  });

  test("a superseded stream is opened again", async () => {
    const { management: server, app } = await start();
    server.dropStream();
    await until(() => server.inits.length === 2, "the second stream");
    await until(() => app.control.connected);
  });
});

suite("state reports", () => {
  test("gRPC weakness 25: come within a moment of a change, carry revision, certificate and targets, and the first is full", async () => {
    const proxy = await startTestProxy();
    const backend = await startBackend();
    const server = proxy.management;
    await until(() => server.reports.length > 0);
    assert.equal(server.reports[0]!.full, true);
    await server.apply(httpService("s1", "app.example.test", backend.url, { revision: 41n }));
    const appliedMs = performance.now();
    await until(
      () => server.report("s1")?.targets[0]?.state === TargetState.TARGET_STATE_REACHABLE,
      "the target to be reachable",
    );
    assert.ok(performance.now() - appliedMs < 2000);
    const report = server.report("s1")!;
    assert.equal(report.servingRevision, 41n);
    assert.equal(report.certificate?.state, CertificateState.CERTIFICATE_STATE_READY);
    assert.equal(report.targets[0]!.reason, "");
    assert.ok(report.targets[0]!.probeMs > 0);
    const last = server.reports.at(-1)!;
    assert.equal(last.proxyId, proxy.app.listening.proxyId);
    assert.equal(last.epoch, "test");
    assert.equal(last.appliedRevision, 1n);
    backend.close();
    await until(
      () => server.report("s1")?.targets[0]?.reason === "target.refused",
      "the target to be reported as refusing",
    );
    await proxy.close();
  });

  test("a refused mapping is reported by name while the version before it is served", async () => {
    const proxy = await startTestProxy();
    const backend = await startBackend();
    const server = proxy.management;
    await server.apply(httpService("s1", "app.example.test", backend.url, { revision: 1n }));
    await server.apply(httpService("s1", "app.example.test", "nonsense", { revision: 2n }));
    await until(() => server.report("s1")?.rejectionCode === "proxy.rejected");
    assert.equal(server.report("s1")!.servingRevision, 1n);
    await server.apply(httpService("new", "new.example.test", "nonsense", { revision: 3n }));
    await until(() => server.report("new")?.rejectionCode === "proxy.rejected");
    assert.equal(server.report("new")!.servingRevision, 0n);
    backend.close();
    await proxy.close();
  });
});

suite("backoff", () => {
  test("grows to its limit with full jitter and starts anew after a reset", () => {
    const backoff = new Backoff({ initialMs: 800, factor: 1.7, maxMs: 10_000 }, () => 0.5);
    assert.deepEqual(
      Array.from({ length: 7 }, () => backoff.nextMs()),
      [800, 1360, 2312, 3930, 6682, 10_000, 10_000],
    );
    backoff.reset();
    assert.equal(backoff.nextMs(), 800);
    assert.equal(backoff.nextMs(15_000), 15_000);
    const lucky = new Backoff({}, () => 0);
    assert.ok(lucky.nextMs() >= 50, "never a busy loop");
  });
});

suite("folding a report for a stock server", () => {
  const report = (partial: Partial<control.ServiceReport>) =>
    foldStatus("a", control.ServiceReport.fromPartial({ serviceId: "s", ...partial } as never)).status;
  const target = (state: control.TargetState) => control.TargetReport.fromPartial({ state } as never);
  const ready = control.CertificateReport.fromPartial({
    state: CertificateState.CERTIFICATE_STATE_READY,
  } as never);

  test("the worst wins", () => {
    const reachable = target(TargetState.TARGET_STATE_REACHABLE);
    const cases: [management.ProxyStatus, Partial<control.ServiceReport>][] = [
      [ProxyStatus.PROXY_STATUS_ACTIVE, { certificate: ready, targets: [reachable] }],
      [ProxyStatus.PROXY_STATUS_ACTIVE, { targets: [] }],
      [ProxyStatus.PROXY_STATUS_PENDING, { targets: [reachable, target(TargetState.TARGET_STATE_UNKNOWN)] }],
      [
        ProxyStatus.PROXY_STATUS_ERROR,
        { targets: [reachable, target(TargetState.TARGET_STATE_UNREACHABLE)] },
      ],
      [
        ProxyStatus.PROXY_STATUS_TUNNEL_NOT_CREATED,
        {
          targets: [target(TargetState.TARGET_STATE_UNREACHABLE), target(TargetState.TARGET_STATE_NO_TUNNEL)],
        },
      ],
      [
        ProxyStatus.PROXY_STATUS_CERTIFICATE_FAILED,
        {
          certificate: control.CertificateReport.fromPartial({
            state: CertificateState.CERTIFICATE_STATE_FAILED,
          } as never),
          targets: [target(TargetState.TARGET_STATE_NO_TUNNEL)],
        },
      ],
      [ProxyStatus.PROXY_STATUS_ERROR, { rejectionCode: "proxy.rejected", certificate: ready }],
    ];
    for (const [expected, partial] of cases)
      assert.equal(report(partial), expected, JSON.stringify(expected));
  });
});
