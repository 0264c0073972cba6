import { createAuthority, issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import type { RealServer } from "../support/real-server.ts";

/** Objects that nobody manages with Terraform, for those that are to refer to. */
export interface DriftWorld {
  readonly peers: readonly [string, string, string];
  readonly groups: readonly [string, string];
  readonly network: string;
  readonly hosts: readonly [string, string];
  readonly subnets: readonly [string, string];
  /** A service that is shared: its targets are resources of their own. */
  readonly service: string;
  readonly certificates: readonly [PemPair, PemPair];
  readonly authorities: readonly [string, string];
}

/** Stands for a world where only the names of attributes matter. */
export const NOWHERE: DriftWorld = {
  peers: ["", "", ""],
  groups: ["", ""],
  network: "",
  hosts: ["", ""],
  subnets: ["", ""],
  service: "",
  certificates: [
    { certificate: "", key: "" },
    { certificate: "", key: "" },
  ],
  authorities: ["", ""],
};

export async function makeDriftWorld({ make, rest }: RealServer): Promise<DriftWorld> {
  await rest.connectProxy({
    cluster: CLUSTER,
    appliedRevision: Number.MAX_SAFE_INTEGER,
    capabilities: {
      supportsCustomPorts: true,
      supportsCrowdsec: true,
      supportsPrivateService: true,
      supportsAccessRules: true,
      requireSubdomain: false,
    },
  });
  const [account] = (await rest.call("GET", "/accounts")).body;
  const ranges = { network_range: "100.64.0.0/16", network_range_v6: "fd00:1::/64" };
  await rest.call("PATCH", `/accounts/${account.id}`, { settings: ranges });
  const network = await make("/networks", { name: "office" });
  const resource = (name: string, address: string) =>
    make(`/networks/${network}/resources`, { name, address, enabled: true, groups: [] });
  const peers = [
    await make("/peers", { name: "a" }),
    await make("/peers", { name: "b" }),
    await make("/peers", { name: "c" }),
  ] as const;
  const target = { target_id: peers[0], target_type: "peer", protocol: "http", port: 3000, enabled: true };
  const authority = await createAuthority("Test Root");
  return {
    peers,
    network,
    groups: [await make("/groups", { name: "staff" }), await make("/groups", { name: "guests" })],
    hosts: [await resource("first", "10.1.0.1"), await resource("second", "10.1.0.2")],
    subnets: [await resource("lan", "10.2.0.0/24"), await resource("wan", "10.3.0.0/24")],
    service: await make("/reverse-proxies/services", {
      name: "shared",
      domain: `shared.${CLUSTER}`,
      enabled: true,
      public: true,
      targets: [{ ...target, path: "/" }],
      auth: {},
    }),
    certificates: [
      await issueCertificate(authority, [`shop.${CLUSTER}`]),
      await issueCertificate(authority, [`other.${CLUSTER}`]),
    ],
    authorities: [authority.certificate, (await createAuthority("Other Root")).certificate],
  };
}
