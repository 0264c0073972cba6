import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { clustersOf, usableClusters } from "../../src/domain/clusters.ts";
import { deriveCluster } from "../../src/domain/derive-cluster.ts";
import type { Proxy as ProxyRow } from "../../src/store/proxies.ts";

const account = "a1" as AccountId;
const now = 1_000_000;

function proxy(id: string, cluster: string, change: Partial<ProxyRow> = {}): ProxyRow {
  return {
    id: id as ProxyRow["id"],
    accountId: null,
    tokenId: "t" as ProxyRow["tokenId"],
    cluster,
    sessionId: "s",
    version: "1",
    ip: "192.0.2.1",
    connected: true,
    connectedAt: now,
    lastSeen: now,
    capabilities: {},
    acme: null,
    appliedRevision: 0,
    wireguardEndpoint: "",
    websocketEndpoint: "",
    publicHttpsPort: 0,
    ...change,
  };
}

suite("clusters", () => {
  test("own ones come before shared ones, other accounts' are invisible", () => {
    const clusters = clustersOf(
      [
        proxy("p3", "eu.example.net"),
        proxy("p2", "own.example.org", { accountId: account }),
        proxy("p1", "other.example.org", { accountId: "a2" as AccountId }),
        proxy("p0", "EU.example.net"),
      ],
      account,
      now,
    );
    assert.deepEqual(
      clusters.map(({ id, address, type, active }) => [id, address, type, active.length]),
      [
        ["p2", "own.example.org", "account", 1],
        ["p0", "EU.example.net", "shared", 2],
      ],
    );
  });

  test("a proxy that is silent for two minutes does not count", () => {
    assert.equal(
      usableClusters([proxy("p", "eu.example.net", { lastSeen: now - 120_000 })], account, now).length,
      0,
    );
    assert.equal(
      usableClusters([proxy("p", "eu.example.net", { lastSeen: now - 119_000 })], account, now).length,
      1,
    );
    assert.equal(
      usableClusters([proxy("p", "eu.example.net", { connected: false })], account, now).length,
      0,
    );
  });

  test("any proxy may bring a capability, CrowdSec needs all of them, unreported stays unknown", () => {
    const [cluster] = clustersOf(
      [
        proxy("p1", "eu.example.net", {
          capabilities: { supportsCustomPorts: true, supportsCrowdsec: true },
        }),
        proxy("p2", "eu.example.net", { capabilities: { supportsCustomPorts: false } }),
      ],
      account,
      now,
    );
    assert.equal(cluster?.capabilities.supportsCustomPorts, true);
    assert.equal(cluster?.capabilities.supportsCrowdsec, false);
    assert.equal(cluster?.capabilities.requireSubdomain, undefined);
  });
});

suite("the cluster of a domain", () => {
  const usable = usableClusters([proxy("p1", "eu.example.net"), proxy("p2", "example.net")], account, now);
  const custom = [
    { domain: "shop.test", targetCluster: "eu.example.net" },
    { domain: "eu.shop.test", targetCluster: "gone.example.net" },
  ];

  test("is the one whose address it is under, at label boundaries and in any case", () => {
    assert.deepEqual(deriveCluster("a.b.EU.example.net", usable, custom), {
      ok: true,
      cluster: "eu.example.net",
      via: "free",
    });
    assert.deepEqual(deriveCluster("xexample.net", usable, []), { ok: false, why: "no-match" });
  });

  test("else the longest custom domain decides, even when its cluster is away", () => {
    assert.deepEqual(deriveCluster("a.eu.shop.test", usable, custom), {
      ok: true,
      cluster: "gone.example.net",
      via: "custom",
    });
    assert.deepEqual(deriveCluster("shop.test", usable, custom), {
      ok: true,
      cluster: "eu.example.net",
      via: "custom",
    });
  });

  test("with no usable cluster there is none, even for a custom domain", () => {
    assert.deepEqual(deriveCluster("shop.test", [], custom), { ok: false, why: "no-clusters" });
  });
});
