import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { buildMapping, buildRemoval } from "../../src/reconcile/build-mapping.ts";
import type { StoredService, StoredTarget } from "../../src/store/services.ts";

const { UPDATE_TYPE_CREATED, UPDATE_TYPE_REMOVED } = management.ProxyMappingUpdateType;

function target(change: Partial<StoredTarget> = {}): StoredTarget {
  return {
    position: 0,
    targetId: "p1",
    targetType: "peer",
    protocol: "http",
    host: "typed.by.somebody",
    port: 0,
    path: null,
    enabled: true,
    options: {},
    ...change,
  };
}

const service = {
  id: "s1",
  accountId: "a1",
  name: "shop",
  domain: "shop.example.net",
  mode: "http",
  listenPort: 0,
  enabled: true,
  private: false,
  accessRules: [],
  passHostHeader: true,
  rewriteRedirects: true,
  auth: {},
  accessRestrictions: null,
  sessionPublicKey: "key",
  formerSessionKeys: [],
  revision: 12,
  targets: [target()],
} as unknown as StoredService;

const directory = {
  peers: new Map([
    ["p1", { ip: "100.70.0.9" }],
    ["p6", { ip: "fd00::9" }],
  ]),
  resources: new Map([
    ["r-host", { address: "10.0.0.4/32", type: "host" as const }],
    ["r-domain", { address: "wiki.internal", type: "domain" as const }],
    ["r-subnet", { address: "10.0.0.0/24", type: "subnet" as const }],
  ]),
};

const mapped = (change: Partial<StoredService>) =>
  buildMapping({ ...service, ...change }, directory, UPDATE_TYPE_CREATED);

suite("a mapping", () => {
  for (const [what, change, url, ids] of [
    ["a peer is its overlay address", {}, "http://100.70.0.9/", ["p1", ""]],
    ["IPv6 stands in brackets", { targetId: "p6", port: 8080 }, "http://[fd00::9]:8080/", ["p6", ""]],
    ["IPv6 keeps its brackets without a port", { targetId: "p6" }, "http://[fd00::9]/", ["p6", ""]],
    ["http leaves 80 out", { port: 80 }, "http://100.70.0.9/", ["p1", ""]],
    ["https leaves 443 out", { protocol: "https", port: 443 }, "https://100.70.0.9/", ["p1", ""]],
    ["https names 80", { protocol: "https", port: 80 }, "https://100.70.0.9:80/", ["p1", ""]],
    [
      "a host resource is its address",
      { targetType: "host", targetId: "r-host" },
      "http://10.0.0.4/",
      ["", "r-host"],
    ],
    [
      "a domain resource stays a name",
      { targetType: "domain", targetId: "r-domain" },
      "http://wiki.internal/",
      ["", "r-domain"],
    ],
    [
      "a subnet target is what was typed",
      { targetType: "subnet", targetId: "r-subnet", host: "10.0.0.7", port: 81 },
      "http://10.0.0.7:81/",
      ["", "r-subnet"],
    ],
    [
      "a cluster target is what was typed",
      { targetType: "cluster", targetId: "c", host: "localhost", port: 3000 },
      "http://localhost:3000/",
      ["", ""],
    ],
    ["what is gone is unknown", { targetId: "gone" }, "http://unknown/", ["gone", ""]],
  ] as const) {
    test(what, () => {
      const [path] = mapped({ targets: [target(change as Partial<StoredTarget>)] }).path;
      assert.deepEqual([path?.target, [path?.peerId, path?.resourceId]], [url, ids]);
    });
  }

  test("layer 4 has host and port and no path", () => {
    const { path, mode, listenPort } = mapped({
      mode: "tcp",
      listenPort: 5432,
      targets: [target({ targetId: "p6", protocol: "tcp", port: 5432, options: { proxyProtocol: true } })],
    });
    assert.deepEqual([mode, listenPort, path[0]?.path, path[0]?.target], ["tcp", 5432, "", "[fd00::9]:5432"]);
    assert.equal(path[0]?.options?.proxyProtocol, true);
  });

  test("only enabled targets are told, each with its place in the service", () => {
    const { path } = mapped({
      targets: [
        target({ enabled: false, path: "/old" }),
        target({ position: 1, path: "/api" }),
        target({ position: 2, path: "" }),
      ],
    });
    assert.deepEqual(
      path.map((one) => [one.position, one.path]),
      [
        [1, "/api"],
        [2, "/"],
      ],
    );
  });

  test("options are absent when everything is as usual, and exact when not", () => {
    assert.equal(mapped({}).path[0]?.options, undefined);
    const { options } = mapped({
      targets: [
        target({
          options: {
            skipTlsVerify: true,
            requestTimeout: "1m30.5s",
            sessionIdleTimeout: "2h0m0s",
            pathRewrite: "preserve",
            customHeaders: { "X-A": "b" },
            directUpstream: true,
          },
        }),
      ],
    }).path[0]!;
    assert.deepEqual(
      { ...options },
      {
        ...management.PathTargetOptions.fromPartial({}),
        skipTlsVerify: true,
        requestTimeout: { seconds: 90n, nanos: 500_000_000 },
        sessionIdleTimeout: { seconds: 7200n, nanos: 0 },
        pathRewrite: management.PathRewriteMode.PATH_REWRITE_PRESERVE,
        customHeaders: { "X-A": "b" },
        directUpstream: true,
      },
    );
  });

  test("access restrictions are absent unless there are some", () => {
    assert.equal(mapped({}).accessRestrictions, undefined);
    const { accessRestrictions } = mapped({
      accessRestrictions: {
        allowedCidrs: ["10.0.0.0/8"],
        blockedCidrs: [],
        allowedCountries: [],
        blockedCountries: ["AQ"],
        crowdsecMode: "observe",
      },
    });
    assert.deepEqual(
      [
        accessRestrictions?.allowedCidrs,
        accessRestrictions?.blockedCountries,
        accessRestrictions?.crowdsecMode,
      ],
      [["10.0.0.0/8"], ["AQ"], "observe"],
    );
  });

  test("lists that are only observed are not where a stock proxy would enforce them", () => {
    const { accessRestrictions } = mapped({
      accessRestrictions: {
        allowedCidrs: ["10.0.0.0/8"],
        blockedCidrs: [],
        allowedCountries: [],
        blockedCountries: ["AQ"],
        crowdsecMode: null,
        cidrMode: "observe",
        countryMode: "enforce",
      },
    });
    assert.deepEqual(accessRestrictions?.allowedCidrs, []);
    assert.deepEqual(accessRestrictions?.blockedCountries, ["AQ"]);
    assert.deepEqual(accessRestrictions?.observed?.allowedCidrs, ["10.0.0.0/8"]);
    assert.deepEqual(accessRestrictions?.observed?.blockedCountries, []);
  });

  test("survives the wire in both directions of knowledge: the fields beyond 1000 are only additions", () => {
    const mapping = mapped({});
    const decoded = management.ProxyMapping.decode(management.ProxyMapping.encode(mapping).finish());
    assert.deepEqual(decoded, mapping);
    assert.deepEqual([decoded.revision, decoded.name], [12n, "shop"]);
  });

  test("a removal names the service and carries nothing to serve", () => {
    const removal = buildRemoval({ id: "s1", accountId: "a1", domain: "shop.example.net", revision: 13 });
    assert.deepEqual(
      [removal.type, removal.id, removal.accountId, removal.domain, removal.path, removal.authToken],
      [UPDATE_TYPE_REMOVED, "s1", "a1", "shop.example.net", [], ""],
    );
  });

  test("says which peers need no other login: by groups where there are some, never for other methods", () => {
    const bearer = (groups: string[], enabled = true) => mapped({ auth: { bearer: { enabled, groups } } });
    assert.equal(mapped({}).tunnelLogin, undefined);
    assert.equal(mapped({ auth: { pin: { enabled: true, hash: "x" } } }).tunnelLogin, undefined);
    assert.equal(bearer(["g1"], false).tunnelLogin, undefined);
    assert.deepEqual(bearer([]).tunnelLogin, { everyPeer: true, groupIds: [] });
    assert.deepEqual(bearer(["g1", "g2"]).tunnelLogin, { everyPeer: false, groupIds: ["g1", "g2"] });
    const closed = mapped({ private: true, accessGroups: ["g3"] });
    assert.equal(closed.private, true);
    assert.deepEqual(closed.tunnelLogin, { everyPeer: false, groupIds: ["g3"] });
    // Cannot be saved; were it in the database, nobody would get in.
    assert.deepEqual(mapped({ private: true, accessGroups: [] }).tunnelLogin, {
      everyPeer: false,
      groupIds: [],
    });
  });
});
