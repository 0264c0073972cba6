import assert from "node:assert/strict";
import { Diagnosis, type DiagnosisCheck } from "@netbird-proxy/proto/rest";
import { emptyReport, type ServiceReport } from "../../src/domain/service-report.ts";
import { saveServiceReport } from "../../src/store/service-reports.ts";
import { assertConforms, CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("the diagnosis of a service", () => {
  let server: RestServer;
  let id = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    const peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    const target = { target_id: peer, target_type: "peer", protocol: "http", port: 80, enabled: true };
    const made = await server.call("POST", "/reverse-proxies/services", {
      name: "shop",
      domain: `shop.${CLUSTER}`,
      enabled: true,
      targets: [
        { ...target, path: "/" },
        { ...target, path: "/api", port: 81 },
      ],
    });
    id = made.body.id;
    server.addresses.set(CLUSTER, ["192.0.2.7", "2001:db8::7"]);
    server.addresses.set(`shop.${CLUSTER}`, ["192.0.2.7"]);
  });
  teardown(() => server.close());

  const report = async (change: Partial<ServiceReport> = {}, proxyId = "proxy-1") =>
    saveServiceReport(server.store.db, {
      proxyId: proxyId as never,
      serviceId: id as never,
      accountId: server.account,
      report: {
        ...emptyReport("report"),
        certificate: {
          state: "ready",
          source: "acme",
          expiresAt: server.nowMs + 60 * 86_400_000,
          issuedAt: null,
          reason: "",
          message: "",
        },
        targets: [0, 1].map((position) => ({
          position,
          state: "reachable",
          reason: "",
          message: "",
          handshakeAgeSeconds: 12,
          probeMs: 3,
        })),
        ...change,
      },
      servingRevision: Number.MAX_SAFE_INTEGER,
      reportedAt: server.nowMs,
    });
  const diagnose = async (): Promise<Diagnosis> => {
    const answer = await server.call("GET", `/reverse-proxies/services/${id}/diagnose`);
    assert.equal(answer.status, 200, answer.text);
    assertConforms(Diagnosis, answer.body);
    return answer.body;
  };
  const short = ({ checks }: Diagnosis) =>
    checks.map(({ name, code, proxy, target }: DiagnosisCheck) =>
      [name, code, proxy, target].filter((part) => part !== undefined).join(" "),
    );

  test("a service that works passes every check, proxy by proxy and target by target", async () => {
    await report();
    const diagnosis = await diagnose();
    assert.equal(diagnosis.ok, true);
    assert.deepEqual(short(diagnosis), [
      "service ok",
      "cluster ok",
      "dns ok",
      "configuration ok proxy-1",
      "certificate ok proxy-1",
      "tunnel ok proxy-1 /",
      "target ok proxy-1 /",
      "tunnel ok proxy-1 /api",
      "target ok proxy-1 /api",
    ]);
    const messages = diagnosis.checks.map(({ message }) => message).join("\n");
    for (const part of ["acme", "2026-10-21", "12 s ago", "3 ms"]) assert.ok(messages.includes(part), part);
  });

  test("every fault is named, not only the worst", async () => {
    server.addresses.set(`shop.${CLUSTER}`, ["198.51.100.1"]);
    await report({
      certificate: {
        state: "failed",
        source: "acme",
        expiresAt: null,
        issuedAt: null,
        reason: "certificate.failed",
        message: "no CAA",
      },
      targets: [
        { position: 0, state: "no_tunnel", reason: "", message: "", handshakeAgeSeconds: null, probeMs: 0 },
        {
          position: 1,
          state: "unreachable",
          reason: "target.refused",
          message: "port 81: connection refused",
          handshakeAgeSeconds: 4,
          probeMs: 0,
        },
      ],
    });
    const diagnosis = await diagnose();
    assert.equal(diagnosis.ok, false);
    assert.deepEqual(short(diagnosis), [
      "service ok",
      "cluster ok",
      "dns dns.elsewhere",
      "configuration ok proxy-1",
      "certificate certificate.failed proxy-1",
      "tunnel tunnel.peer_never_connected proxy-1 /",
      "target tunnel.peer_never_connected proxy-1 /",
      "tunnel ok proxy-1 /api",
      "target target.refused proxy-1 /api",
    ]);
    for (const check of diagnosis.checks) assert.equal(check.ok, check.hint === "", check.name);
  });

  test("each proxy is checked by itself; one that is gone is not", async () => {
    await server.connectProxy({ id: "proxy-2" as never });
    await server.connectProxy({ id: "proxy-3" as never, connected: false });
    await report();
    const diagnosis = await diagnose();
    assert.deepEqual(
      diagnosis.checks.filter(({ name }) => name === "configuration").map(({ proxy, code }) => [proxy, code]),
      [
        ["proxy-1", "ok"],
        ["proxy-2", "service.not_applied_yet"],
      ],
    );
    assert.match(diagnosis.checks[1]!.message, /2 of 3/);
  });

  test("no proxy, no record, a name server that fails, a service that is off", async () => {
    server.addresses.delete(`shop.${CLUSTER}`);
    await server.connectProxy({ connected: false });
    assert.deepEqual(short(await diagnose()), [
      "service ok",
      "cluster service.no_proxy_connected",
      "dns dns.unresolved",
    ]);
    server.addresses.set(CLUSTER, new Error("timeout"));
    await server.call("PATCH", `/reverse-proxies/services/${id}`, { enabled: false });
    assert.deepEqual(short(await diagnose()), [
      "service service.disabled",
      "cluster service.no_proxy_connected",
      "dns dns.lookup_failed",
    ]);
  });

  test("a certificate that has expired is no good one", async () => {
    await report({
      certificate: {
        state: "ready",
        source: "static",
        expiresAt: server.nowMs - 1,
        issuedAt: null,
        reason: "",
        message: "",
      },
    });
    assert.ok(short(await diagnose()).includes("certificate certificate.expired proxy-1"));
  });
});
