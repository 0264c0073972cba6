import type { ProxyId } from "@netbird-proxy/proto";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import type { RealServer } from "../support/real-server.ts";

export const OTHER_CLUSTER = "us.example.net";

type Pair = readonly [string, string];

/** Two of everything that a resource can belong to. */
export interface ReplacementWorld {
  readonly peers: Pair;
  readonly groups: Pair;
  readonly networks: Pair;
  readonly users: Pair;
  readonly services: Pair;
}

/** Stands for a world where only the names of attributes matter. */
export const NOWHERE: ReplacementWorld = {
  peers: ["", ""],
  groups: ["", ""],
  networks: ["", ""],
  users: ["", ""],
  services: ["", ""],
};

export async function makeReplacementWorld({ make, rest }: RealServer): Promise<ReplacementWorld> {
  const other = { cluster: OTHER_CLUSTER, appliedRevision: Number.MAX_SAFE_INTEGER };
  await rest.connectProxy({ ...other, id: "proxy-2" as ProxyId, sessionId: "session-2" });
  const two = async (one: (name: string) => Promise<string>) =>
    [await one("first"), await one("second")] as const;
  const peers = await two((name) => make("/peers", { name }));
  const target = { target_id: peers[0], target_type: "peer", protocol: "http", port: 3000, enabled: true };
  return {
    peers,
    groups: await two((name) => make("/groups", { name })),
    networks: await two((name) => make("/networks", { name })),
    users: await two((name) =>
      make("/users", { name, role: "auditor", is_service_user: true, auto_groups: [] }),
    ),
    services: await two((name) =>
      make("/reverse-proxies/services", {
        name,
        domain: `${name}.${CLUSTER}`,
        enabled: true,
        targets: [{ ...target, path: "/" }],
        auth: { token_auth: { enabled: true }, share_link_auth: { enabled: true } },
      }),
    ),
  };
}
