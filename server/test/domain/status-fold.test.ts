import assert from "node:assert/strict";
import { reasonCodes, type ServiceState } from "@netbird-proxy/proto";
import fc from "fast-check";
import {
  type CertificateReport,
  emptyReport,
  type ServiceReport,
  type StatusReport,
  type TargetReport,
} from "../../src/domain/service-report.ts";
import {
  type FoldedProxy,
  type FoldedReport,
  type FoldedService,
  type FoldInput,
  foldStatus as fold,
  foldedCluster,
} from "../../src/domain/status-fold.ts";

const NOW = 1_000_000_000;

/** As `foldStatus`, with the proxies as they come. */
function foldStatus({
  clusterProxies,
  joined,
  ...rest
}: Omit<FoldInput, "cluster"> & { clusterProxies: readonly FoldedProxy[]; joined?: ReadonlySet<string> }) {
  return fold({ ...rest, cluster: foldedCluster(clusterProxies, rest.nowMs, joined) });
}

const service: FoldedService = {
  enabled: true,
  terminated: false,
  private: false,
  accessRules: [],
  mode: "http",
  listenPort: 0,
  revision: 7,
  proxyCluster: "eu.example.net",
  targets: [
    { position: 0, path: "/", targetId: "web", enabled: true },
    { position: 1, path: "/api", targetId: "api", enabled: true },
  ],
};

function proxy(id: string, change: Partial<FoldedProxy> = {}): FoldedProxy {
  return {
    id: id as FoldedProxy["id"],
    connected: true,
    lastSeen: NOW - 5_000,
    capabilities: { supportsCustomPorts: true, supportsPrivateService: true },
    appliedRevision: 7,
    ...change,
  };
}

const ready: CertificateReport = {
  state: "ready",
  source: "static",
  expiresAt: 2_000_000_000,
  issuedAt: 1,
  reason: "",
  message: "",
};

const reachable = (position: number, change: Partial<TargetReport> = {}): TargetReport => ({
  position,
  state: "reachable",
  reason: "",
  message: "",
  handshakeAgeSeconds: 3,
  probeMs: 2,
  ...change,
});

function report(proxyId: string, change: Partial<ServiceReport> = {}, servingRevision = 7): FoldedReport {
  return {
    proxyId,
    servingRevision,
    reportedAt: NOW - 5_000,
    report: {
      ...emptyReport("report"),
      certificate: ready,
      targets: [reachable(0), reachable(1)],
      ...change,
    },
  };
}

const stock = (state: StatusReport["state"], message = ""): FoldedReport => ({
  ...report("a"),
  report: { ...emptyReport("status"), status: { state, message } },
});

interface Row {
  when: string;
  given: Partial<Parameters<typeof foldStatus>[0]>;
  state: ServiceState;
  code?: keyof typeof reasonCodes;
  says?: RegExp;
  liveOn?: string[];
  liveRevision?: number;
}

const target = (change: Partial<TargetReport>) => ({
  reports: [report("a", { targets: [reachable(0), reachable(1, change)] })],
});
const certificate = (change: Partial<CertificateReport>) => ({
  reports: [report("a", { certificate: { ...ready, ...change } })],
});

const table: Row[] = [
  {
    when: "every connected proxy serves it and reaches every target",
    given: {},
    state: "active",
    liveOn: ["a"],
    liveRevision: 7,
  },
  {
    when: "it is disabled, whatever proxies say",
    given: { service: { ...service, enabled: false } },
    state: "pending",
    code: "service.disabled",
  },
  {
    when: "it is terminated",
    given: { service: { ...service, terminated: true } },
    state: "pending",
    code: "service.disabled",
    says: /terminated/,
  },
  {
    when: "all its targets are disabled",
    given: { service: { ...service, targets: service.targets.map((one) => ({ ...one, enabled: false })) } },
    state: "error",
    code: "service.no_enabled_targets",
  },
  {
    when: "the cluster never had a proxy",
    given: { clusterProxies: [], reports: [] },
    state: "error",
    code: "service.no_proxy_connected",
    says: /has ever connected/,
    liveRevision: 0,
  },
  {
    when: "its only proxy lost the server a moment ago, although its last report was good",
    given: { clusterProxies: [proxy("a", { connected: false, lastSeen: NOW - 30_000 })] },
    state: "error",
    code: "service.no_proxy_connected",
    says: /a was seen last 30 s ago and may still serve/,
    liveOn: [],
    liveRevision: 0,
  },
  {
    when: "its only proxy has been silent for two minutes behind an open connection",
    given: { clusterProxies: [proxy("a", { lastSeen: NOW - 120_000 })] },
    state: "error",
    code: "service.no_proxy_connected",
  },
  {
    when: "a proxy has missed three reports",
    given: { clusterProxies: [proxy("a", { lastSeen: NOW - 45_001 })] },
    state: "error",
    code: "proxy.stale_report",
    says: /proxy a has not reported for 45 s/,
    liveOn: [],
  },
  {
    when: "a report is just not stale",
    given: { clusterProxies: [proxy("a", { lastSeen: NOW - 45_000 })] },
    state: "active",
  },
  {
    when: "a proxy has said nothing about it yet",
    given: { reports: [] },
    state: "pending",
    code: "service.not_applied_yet",
    says: /revision 7; it does not serve it yet/,
    liveRevision: 0,
  },
  {
    when: "a proxy still serves the previous revision, and says so",
    given: { reports: [report("a", {}, 6)] },
    state: "pending",
    code: "service.not_applied_yet",
    says: /still serves revision 6/,
    liveOn: [],
    liveRevision: 6,
  },
  {
    when: "a proxy refused the newest revision and serves the one before",
    given: {
      reports: [report("a", { rejectionCode: "proxy.port_in_use", rejectionMessage: "port 80 is busy" }, 6)],
    },
    state: "error",
    code: "proxy.port_in_use",
    says: /proxy a refused revision 7 and it serves revision 6: port 80 is busy/,
    liveRevision: 6,
  },
  {
    when: "a newer proxy refuses with a code that this server does not know",
    given: { reports: [report("a", { rejectionCode: "proxy.moon_phase" }, 0)] },
    state: "error",
    code: "proxy.rejected",
    says: /does not serve it: proxy\.moon_phase/,
  },
  {
    when: "a proxy does not support the kind of service",
    given: {
      service: { ...service, private: true },
      clusterProxies: [proxy("a", { capabilities: {} })],
      reports: [],
    },
    state: "error",
    code: "proxy.mode_unsupported",
    says: /private services/,
  },
  {
    when: "it is private and a proxy lets no peers in",
    given: {
      service: { ...service, private: true },
      clusterProxies: [
        proxy("a", { capabilities: { supportsPrivateService: true, private: true } }),
        proxy("b", { capabilities: { supportsPrivateService: true, private: false } }),
      ],
      joined: new Set(["a", "b"]),
      reports: [report("a"), report("b")],
    },
    state: "error",
    code: "proxy.private_off",
    says: /proxy b lets no peers in/,
    liveOn: ["a"],
  },
  {
    when: "it is private and a proxy has no overlay address yet",
    given: {
      service: { ...service, private: true },
      clusterProxies: [proxy("a", { capabilities: { supportsPrivateService: true, private: true } })],
      reports: [report("a")],
    },
    state: "pending",
    code: "service.not_applied_yet",
    says: /proxy a has no address in the overlay/,
  },
  {
    when: "it is private and every proxy lets peers in",
    given: {
      service: { ...service, private: true },
      clusterProxies: [proxy("a", { capabilities: { supportsPrivateService: true, private: true } })],
      joined: new Set(["a"]),
      reports: [report("a")],
    },
    state: "active",
    liveOn: ["a"],
  },
  {
    when: "a proxy does not know rules that close a part of the service",
    given: {
      service: { ...service, accessRules: [{ action: "deny", mode: null }] as never },
      clusterProxies: [proxy("a", { capabilities: { supportsCustomPorts: true } })],
      reports: [],
    },
    state: "error",
    code: "proxy.mode_unsupported",
    says: /access rules that deny or require/,
  },
  {
    when: "the certificate is being ordered",
    given: certificate({ state: "pending" }),
    state: "certificate_pending",
    code: "certificate.pending",
    says: /proxy a: the certificate is being ordered/,
  },
  {
    when: "a proxy says nothing about the certificate of an http service",
    given: { reports: [report("a", { certificate: null })] },
    state: "certificate_pending",
    code: "certificate.pending",
  },
  {
    when: "a service without TLS of its own has no certificate",
    given: {
      service: { ...service, mode: "tcp", listenPort: 5432 },
      reports: [report("a", { certificate: null })],
    },
    state: "active",
  },
  {
    when: "there is no usable certificate",
    given: certificate({
      state: "failed",
      reason: "certificate.name_mismatch",
      message: "covers example.org only",
    }),
    state: "certificate_failed",
    code: "certificate.name_mismatch",
    says: /proxy a: covers example\.org only/,
  },
  {
    when: "a certificate failed for a reason this server does not know",
    given: certificate({ state: "failed", reason: "certificate.new", message: "" }),
    state: "certificate_failed",
    code: "certificate.failed",
  },
  {
    when: "a target was not probed yet",
    given: target({ state: "unknown" }),
    state: "pending",
    code: "target.not_probed_yet",
    says: /proxy a, target \/api/,
  },
  {
    when: "a proxy does not mention one of the targets",
    given: { reports: [report("a", { targets: [reachable(0)] })] },
    state: "pending",
    code: "target.not_probed_yet",
  },
  {
    when: "a peer has never connected",
    given: target({ state: "no_tunnel", handshakeAgeSeconds: null }),
    state: "tunnel_not_created",
    code: "tunnel.peer_never_connected",
  },
  {
    when: "a peer stopped answering",
    given: target({ state: "no_tunnel", handshakeAgeSeconds: 400 }),
    state: "tunnel_not_created",
    code: "tunnel.peer_unreachable",
  },
  {
    when: "nothing routes the resource",
    given: target({ state: "no_tunnel", reason: "tunnel.no_route", message: "no router for 10.0.0.0/24" }),
    state: "tunnel_not_created",
    code: "tunnel.no_route",
    says: /no router for 10\.0\.0\.0\/24/,
  },
  {
    when: "a target refuses",
    given: target({ state: "unreachable", reason: "target.refused", message: "connection refused" }),
    state: "error",
    code: "target.refused",
    says: /proxy a, target \/api: connection refused/,
  },
  {
    when: "a target is unreachable for no reason given",
    given: target({ state: "unreachable" }),
    state: "error",
    code: "target.unreachable",
  },
  {
    when: "only a disabled target is unreachable",
    given: {
      service: { ...service, targets: [service.targets[0]!, { ...service.targets[1]!, enabled: false }] },
      ...target({ state: "unreachable", reason: "target.refused" }),
    },
    state: "active",
  },
  {
    when: "one of two targets that share a path is unreachable",
    given: {
      service: { ...service, targets: service.targets.map((one) => ({ ...one, path: "/" })) },
      ...target({ state: "unreachable", reason: "target.refused" }),
    },
    state: "active",
  },
  {
    when: "both targets that share a path are unreachable: one is named by its place",
    given: {
      service: { ...service, targets: service.targets.map((one) => ({ ...one, path: "/" })) },
      reports: [
        report("a", {
          targets: [0, 1].map((at) => reachable(at, { state: "unreachable", reason: "target.refused" })),
        }),
      ],
    },
    state: "error",
    code: "target.refused",
    says: /target \/ \(targets\[0\]\)/,
  },
  {
    when: "certificate and target are both bad: the worse one is named",
    given: {
      reports: [
        report("a", {
          certificate: { ...ready, state: "pending" },
          targets: [reachable(0), reachable(1, { state: "unreachable", reason: "target.timeout" })],
        }),
      ],
    },
    state: "error",
    code: "target.timeout",
  },
  {
    when: "two proxies are live",
    given: { clusterProxies: [proxy("b"), proxy("a")], reports: [report("a"), report("b")] },
    state: "active",
    liveOn: ["a", "b"],
  },
  {
    when: "one of two proxies is behind",
    given: { clusterProxies: [proxy("a"), proxy("b")], reports: [report("a"), report("b", {}, 5)] },
    state: "pending",
    code: "service.not_applied_yet",
    says: /proxy b/,
    liveOn: ["a"],
    liveRevision: 5,
  },
  {
    when: "two proxies have different troubles: the worse one is named",
    given: {
      clusterProxies: [proxy("a"), proxy("b")],
      reports: [
        report("a", { targets: [reachable(0), reachable(1, { state: "no_tunnel" })] }),
        report("b", { certificate: { ...ready, state: "failed", reason: "certificate.expired" } }),
      ],
    },
    state: "certificate_failed",
    code: "certificate.expired",
    says: /proxy b/,
  },
  {
    when: "a proxy that is gone was in trouble, and the others are fine",
    given: {
      clusterProxies: [proxy("a"), proxy("gone", { connected: false, lastSeen: NOW - 600_000 })],
      reports: [report("a"), report("gone", { rejectionCode: "proxy.rejected" }, 0)],
    },
    state: "active",
    liveOn: ["a"],
    liveRevision: 7,
  },
  {
    when: "a proxy of another cluster reports about it",
    given: { reports: [report("a"), report("stranger", {}, 1)] },
    state: "active",
  },
  {
    when: "a stock proxy says active and acknowledged the newest revision",
    given: { reports: [stock("active")] },
    state: "active",
    liveOn: ["a"],
  },
  {
    when: "a stock proxy said active, but of an older revision",
    given: {
      clusterProxies: [proxy("a", { appliedRevision: 6 })],
      reports: [{ ...stock("active"), servingRevision: 6 }],
    },
    state: "pending",
    code: "service.not_applied_yet",
    liveRevision: 6,
  },
  {
    when: "a stock proxy said active of an older revision and acknowledged the newest since",
    given: { reports: [{ ...stock("active"), servingRevision: 6 }] },
    state: "active",
    liveRevision: 7,
  },
  {
    when: "a stock proxy says nothing for long: it only speaks when something happens",
    given: { clusterProxies: [proxy("a", { lastSeen: NOW - 90_000 })], reports: [stock("active")] },
    state: "active",
  },
  {
    when: "a stock proxy has no tunnel",
    given: { reports: [stock("tunnel_not_created")] },
    state: "tunnel_not_created",
    code: "tunnel.not_supported",
  },
  {
    when: "a stock proxy waits for a certificate",
    given: { reports: [stock("certificate_pending")] },
    state: "certificate_pending",
    code: "certificate.pending",
  },
  {
    when: "a stock proxy got no certificate",
    given: { reports: [stock("certificate_failed")] },
    state: "certificate_failed",
    code: "certificate.failed",
  },
  {
    when: "a stock proxy is still at it",
    given: { reports: [stock("pending")] },
    state: "pending",
    code: "target.not_probed_yet",
  },
  {
    when: "a stock proxy reports an error",
    given: { reports: [stock("error", "port in use")] },
    state: "error",
    code: "proxy.rejected",
    says: /proxy a reported an error: port in use/,
  },
];

suite("the status of a service", () => {
  for (const { when, given, state, code, says, liveOn, liveRevision } of table) {
    test(`is ${code ?? state} when ${when}`, () => {
      const folded = foldStatus({
        service,
        clusterProxies: [proxy("a")],
        reports: [report("a")],
        nowMs: NOW,
        ...given,
      });
      assert.deepEqual([folded.state, folded.reason?.code], [state, code]);
      if (says) assert.match(folded.reason!.message, says);
      if (code) assert.equal(folded.reason!.hint, reasonCodes[code].hint);
      if (liveOn) assert.deepEqual(folded.liveOn, liveOn);
      if (liveRevision !== undefined) assert.equal(folded.liveRevision, liveRevision);
    });
  }

  test("tells of newer certificate files that cannot be used, while the old certificate serves", () => {
    const spoilt = { reason: "certificate.key_mismatch", message: "the key does not fit" };
    const folded = foldStatus({
      service,
      clusterProxies: [proxy("a")],
      nowMs: NOW,
      ...certificate(spoilt),
    });
    assert.equal(folded.state, "active");
    assert.equal(folded.proxies[0]?.certificate?.state, "ready");
    assert.deepEqual(folded.proxies[0]?.certificate?.reason, {
      code: "certificate.key_mismatch",
      message: "the key does not fit",
      hint: reasonCodes["certificate.key_mismatch"].hint,
    });
  });

  test("gRPC weakness 19: names every proxy and target, and the certificate that runs out first", () => {
    const folded = foldStatus({
      service,
      clusterProxies: [proxy("b"), proxy("a", { appliedRevision: 9 })],
      reports: [
        report("a", {
          targets: [
            reachable(0),
            reachable(1, { state: "no_tunnel", handshakeAgeSeconds: 200, message: "silent" }),
          ],
        }),
        report("b", { certificate: { ...ready, source: "acme", expiresAt: 1_500_000_000 } }),
      ],
      nowMs: NOW,
    });
    assert.deepEqual(folded.certificate, { source: "acme", expiresAt: 1_500_000_000 });
    const [a, b] = folded.proxies;
    assert.deepEqual(
      [a?.proxyId, a?.live, a?.appliedRevision, a?.state],
      ["a", false, 9, "tunnel_not_created"],
    );
    assert.deepEqual([b?.proxyId, b?.live, b?.reason], ["b", true, undefined]);
    assert.deepEqual(a?.targets[1], {
      position: 1,
      targetId: "api",
      path: "/api",
      state: "no_tunnel",
      handshakeAgeSeconds: 200,
      probeMs: 2,
      reason: {
        code: "tunnel.peer_unreachable",
        message: "silent",
        hint: reasonCodes["tunnel.peer_unreachable"].hint,
      },
    });
  });
});

suite("the status of a service on many proxies", () => {
  test("is what the worst proxy's own status says, whoever spoke for whom", () => {
    const anyProxy = fc.record({
      connected: fc.boolean(),
      capable: fc.boolean(),
      /** Undefined: silent. */
      says: fc.option(fc.constantFrom("active", "behind", "refused", "no certificate"), { nil: undefined }),
    });
    const worst = [
      "error",
      "certificate_failed",
      "tunnel_not_created",
      "certificate_pending",
      "pending",
      "active",
    ];
    fc.assert(
      fc.property(fc.array(anyProxy, { maxLength: 6 }), fc.boolean(), (drawn, isPrivate) => {
        const clusterProxies = drawn.map(({ connected, capable }, n) =>
          proxy(`proxy-${n}`, {
            connected,
            capabilities: { supportsCustomPorts: true, supportsPrivateService: capable },
          }),
        );
        const reports = drawn.flatMap(({ says }, n) =>
          says === undefined
            ? []
            : [
                report(
                  `proxy-${n}`,
                  says === "refused"
                    ? { rejectionCode: "proxy.rejected" }
                    : says === "no certificate"
                      ? { certificate: undefined }
                      : {},
                  says === "behind" ? 3 : 7,
                ),
              ],
        );
        const folded = foldStatus({
          service: { ...service, private: isPrivate },
          clusterProxies,
          reports,
          nowMs: NOW,
        });
        const connected = folded.proxies.filter((one) => one.connected);
        const [expected] = [...connected].sort((a, b) => worst.indexOf(a.state) - worst.indexOf(b.state));
        if (!expected) return assert.equal(folded.reason?.code, "service.no_proxy_connected");
        assert.deepEqual([folded.state, folded.reason], [expected.state, expected.reason]);
        assert.deepEqual(
          folded.liveOn,
          connected.filter(({ live }) => live).map(({ proxyId }) => proxyId),
        );
        assert.equal(
          folded.liveRevision,
          Math.min(...connected.map(({ servingRevision }) => servingRevision)),
        );
      }),
    );
  });
});
