import assert from "node:assert/strict";
import type { ProxyId } from "@netbird-proxy/proto";
import { Domain } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";
import { CLUSTER } from "../support/rest-server.ts";

const INVALID = [422, "domain.invalid"] as [number, string];
const UNAVAILABLE = [412, "domain.cluster_unavailable"] as [number, string];
const NOW = "2026-08-22T19:07:31.120Z";

const domain = (why: string, sent: string) => accepts("domain", why, { domain: sent }, { domain: sent });
const noDomain = (why: string, sent: unknown) => refuses("domain", why, { domain: sent }, INVALID);

checkFieldTable({
  object: "reverse-proxy domains",
  section: "§2.15",
  collection: "/reverse-proxies/domains",
  post: { domain: "shop.example.org", target_cluster: CLUSTER },
  fields: { post: { domain: "string", target_cluster: "string" } },
  answer: Domain,
  listOnly: true,
  deleted: 204,
  // What the cluster can is not filled in the answer to POST.
  asRead: (shown) => ({ ...shown, supports_custom_ports: true }),
  prepare: async (server) => {
    await server.connectProxy();
    const gone = { id: "proxy-2" as ProxyId, cluster: "gone.example.net", connected: false };
    await server.connectProxy(gone);
    server.records.set("validation.valid.example.org", CLUSTER);
    const taken = { domain: "Taken.example.org", target_cluster: CLUSTER };
    const { status, text } = await server.call("POST", "/reverse-proxies/domains", taken);
    assert.equal(status, 200, text);
    return {};
  },
  rows: [
    domain("as sent", "shop.example.org"),
    domain("shown as it was written", "Shop.Example.ORG"),
    domain("one label", "intranet"),
    domain("international names in their ASCII form", "xn--bcher-kva.example"),
    domain("a label of 63 characters", `${"a".repeat(63)}.example.org`),
    domain("above another custom domain", "example.org"),
    domain("below another custom domain", "more.taken.example.org"),
    domain("above a cluster", "example.net"),
    noDomain("empty", ""),
    noDomain("absent", ABSENT),
    noDomain("a wildcard", "*.example.org"),
    noDomain("a space", "my shop.example.org"),
    noDomain("a trailing dot", "shop.example.org."),
    noDomain("an empty label", "shop..example.org"),
    noDomain("a label of 64 characters", `${"a".repeat(64)}.example.org`),
    noDomain("254 characters", `${"a.".repeat(125)}test`),
    noDomain("a URL", "https://shop.example.org"),
    noDomain("a port", "shop.example.org:443"),
    noDomain("an IP address", "192.0.2.1"),
    noDomain("a cluster's own name", CLUSTER),
    noDomain("a name under a cluster", `shop.${CLUSTER.toUpperCase()}`),
    refuses("domain", "taken", { domain: "Taken.example.org" }, [409, "domain.taken"]),
    refuses("domain", "taken in another case", { domain: "taken.EXAMPLE.org" }, [409, "domain.taken"]),

    accepts(
      "target_cluster",
      "as sent",
      {},
      { target_cluster: CLUSTER, type: "custom", supports_custom_ports: ABSENT, require_subdomain: ABSENT },
    ),
    refuses("target_cluster", "empty", { target_cluster: "" }, UNAVAILABLE),
    refuses("target_cluster", "absent", { target_cluster: ABSENT }, UNAVAILABLE),
    refuses("target_cluster", "unknown", { target_cluster: "nowhere.test" }, UNAVAILABLE),
    refuses("target_cluster", "under a cluster", { target_cluster: `x.${CLUSTER}` }, UNAVAILABLE),
    refuses("target_cluster", "not connected", { target_cluster: "gone.example.net" }, UNAVAILABLE),
    refuses(
      "domain",
      "is looked at before the cluster",
      { domain: "", target_cluster: "nowhere.test" },
      INVALID,
    ),
    refuses(
      "target_cluster",
      "is looked at before whether the name is taken",
      { domain: "taken.example.org", target_cluster: "nowhere.test" },
      UNAVAILABLE,
    ),

    accepts(
      "validated",
      "true when the record is there",
      { domain: "valid.example.org" },
      {
        validated: true,
        validation: { record: "validation.valid.example.org", method: "cname", last_checked_at: NOW },
      },
    ),
    accepts(
      "validated",
      "false when it is not; that is no failure",
      {},
      { validated: false, validation: { record: "validation.shop.example.org", last_checked_at: NOW } },
    ),
    accepts(
      "id, type, validated",
      "are read-only",
      { id: "mine", type: "free", validated: true },
      { type: "custom", validated: false },
    ),
  ],
});
