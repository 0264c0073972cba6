import assert from "node:assert/strict";
import type { ProxyId } from "@netbird-proxy/proto";
import { Service } from "@netbird-proxy/proto/rest";
import { checkFieldTable, type FieldTable } from "./field-table.ts";
import { CLUSTER, type RestServer } from "./rest-server.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes
type Body = Record<string, any>;

/** A cluster whose proxies report no capability. */
export const PLAIN_CLUSTER = "us.example.net";
/** Taken in every layer-4 mode. */
export const TAKEN_PORT = 19_999;

export const INVALID = [422, "service.invalid"] as [number, string];
export const OUT_OF_RANGE = [422, "service.port_out_of_range"] as [number, string];

export const peerTarget = {
  target_id: "$peer",
  target_type: "peer",
  protocol: "http",
  port: 8080,
  enabled: true,
};

export const httpService = { name: "shop", domain: `shop.${CLUSTER}`, enabled: true, targets: [peerTarget] };

export function layer4Service(mode: "tcp" | "udp" | "tls", change: Body = {}): Body {
  return {
    name: "db",
    domain: `db.${CLUSTER}`,
    mode,
    listen_port: 5432,
    enabled: true,
    targets: [{ ...peerTarget, protocol: mode === "udp" ? "udp" : "tcp", port: 5432 }],
    ...change,
  };
}

/** A table about services; POST and PUT take the same body, and start from the same one. */
export function checkServiceTable(
  table: Pick<FieldTable, "object" | "section" | "fields" | "rows"> & { body: Body },
): void {
  const { body, ...rest } = table;
  checkFieldTable({
    collection: "/reverse-proxies/services",
    post: body,
    put: body,
    answer: Service,
    prepare: prepareServices,
    asRead: nullForEmptyGroups,
    ...rest,
  });
}

/** What services point at. */
async function prepareServices(
  server: RestServer,
  world: Record<string, string>,
): Promise<Record<string, string>> {
  const make = async (path: string, body: Body): Promise<string> => {
    const { status, body: made, text } = await server.call("POST", path, body);
    assert.equal(status, 200, text);
    return made.id;
  };
  await server.connectProxy();
  await server.connectProxy({ id: "proxy-2" as ProxyId, cluster: PLAIN_CLUSTER, capabilities: {} });
  const resource = (name: string, address: string) =>
    make(`/networks/${world.network}/resources`, { name, address, enabled: true, groups: [] });
  const own = { ...peerTarget, target_id: world.peer };
  await make("/reverse-proxies/domains", { domain: "apps.example.org", target_cluster: CLUSTER });
  await make("/reverse-proxies/services", {
    ...httpService,
    name: "wiki",
    domain: `wiki.${CLUSTER}`,
    targets: [own],
  });
  for (const mode of ["tcp", "udp", "tls"] as const) {
    const targets = [{ ...own, protocol: "tcp" }];
    await make(
      "/reverse-proxies/services",
      layer4Service(mode, { domain: `${mode}.${CLUSTER}`, listen_port: TAKEN_PORT, targets }),
    );
  }
  return {
    peer_ip: (await server.call("GET", `/peers/${world.peer}`)).body.ip,
    subnet: await resource("lab", "10.50.0.0/16"),
    site: await resource("site", "site.example.com"),
    wildcard: await resource("sites", "*.example.com"),
  };
}

/** Whoever sends no groups as `[]` gets that back; reads give null. */
function nullForEmptyGroups(shown: Body): Body {
  const bearer = shown.auth?.bearer_auth;
  if (bearer?.distribution_groups?.length !== 0) return shown;
  return { ...shown, auth: { ...shown.auth, bearer_auth: { ...bearer, distribution_groups: null } } };
}
