import { CLUSTER } from "../../../../server/test/support/rest-server.ts";
import type { Json } from "../../support/management-server.ts";
import { type DriftCase, type DriftScene, inside } from "../drift-case.ts";
import type { DriftWorld } from "../drift-world.ts";
import { HTTP_OPTIONS, httpOptionNames, otherOptions } from "./http-options.ts";
import { httpServiceCase } from "./http-service-case.ts";
import { officialServiceCases } from "./official-service-cases.ts";
import { replicasCase } from "./replicas-case.ts";

const servicePath = ({ id }: Json): string => `/reverse-proxies/services/${id}`;

export const serviceScene: DriftScene = {
  name: "services",
  cases: (world) => [
    httpServiceCase(world),
    replicasCase(world),
    ...layer4Cases(world),
    privateCase(world),
    targetCase(world),
    ...officialServiceCases(world),
  ],
};

function layer4Cases({ peers: [peer], subnets: [lan] }: DriftWorld): DriftCase[] {
  return [
    {
      type: "netbird_proxy_service",
      label: "tcp",
      hcl: `
        name        = "database"
        domain      = "database.${CLUSTER}"
        mode        = "tcp"
        listen_port = 15432
        target = {
          target_type = "subnet", target_id = "${lan}", host = "10.2.0.5", port = 5432
          options = { request_timeout = "30s", proxy_protocol = true, direct_upstream = true }
        }
        wait_for_live = false`,
      path: servicePath,
      rounds: [
        {
          change: ({ targets: [target] }: Json) => ({
            listen_port: 15_433,
            targets: [
              {
                ...target,
                target_type: "peer",
                target_id: peer,
                host: undefined,
                port: 5433,
                options: { request_timeout: "10s" },
              },
            ],
          }),
          drifted: [
            "listen_port",
            ...inside("target", ["target_type", "target_id", "host", "port"]),
            ...inside("target.options", ["request_timeout", "proxy_protocol", "direct_upstream"]),
          ],
        },
        {
          change: ({ targets: [target] }: Json) => ({ targets: [{ ...target, options: {} }] }),
          drifted: ["target.options emptied"],
        },
      ],
    },
    {
      type: "netbird_proxy_service",
      label: "udp",
      hcl: `
        name        = "names"
        domain      = "names.${CLUSTER}"
        mode        = "udp"
        listen_port = 15353
        target = {
          target_type = "peer", target_id = "${peer}", port = 53, options = { session_idle_timeout = "5m" }
        }
        wait_for_live = false`,
      path: servicePath,
      rounds: [
        {
          change: ({ targets: [target] }: Json) => ({
            targets: [{ ...target, host: undefined, options: { session_idle_timeout: "1m" } }],
          }),
          drifted: ["target.options.session_idle_timeout"],
        },
      ],
    },
  ];
}

function privateCase({ peers: [peer], groups: [staff, guests] }: DriftWorld): DriftCase {
  return {
    type: "netbird_proxy_service",
    label: "private",
    hcl: `
      name          = "inside"
      domain        = "inside.${CLUSTER}"
      targets       = { "/" = { target_type = "peer", target_id = "${peer}", port = 3000 } }
      private       = true
      access_groups = ["${staff}"]
      wait_for_live = false`,
    path: servicePath,
    rounds: [
      { change: { access_groups: [guests] }, drifted: ["access_groups"] },
      { change: { private: false, access_groups: [] }, drifted: ["private", "access_groups emptied"] },
    ],
  };
}

function targetCase({ peers: [peer], subnets: [lan], service }: DriftWorld): DriftCase {
  return {
    type: "netbird_proxy_service_target",
    hcl: `
      service_id    = "${service}"
      path          = "/api"
      target_type   = "subnet"
      target_id     = "${lan}"
      host          = "10.2.0.5"
      port          = 8080
      ${HTTP_OPTIONS}
      wait_for_live = false`,
    path: ({ id }) => `/reverse-proxies/services/${service}/targets/${id}`,
    rounds: [
      {
        change: {
          target_type: "peer",
          target_id: peer,
          host: null,
          port: 8081,
          protocol: "https",
          enabled: false,
          options: { ...otherOptions, skip_tls_verify: null, path_rewrite: null, direct_upstream: null },
        },
        drifted: [
          ...["target_type", "target_id", "host", "port", "protocol", "enabled"],
          ...inside("options", httpOptionNames),
        ],
      },
      { change: { options: { custom_headers: null } }, drifted: ["options.custom_headers emptied"] },
      { change: { options: null }, drifted: ["options emptied"] },
    ],
  };
}
