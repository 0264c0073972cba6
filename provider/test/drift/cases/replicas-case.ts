import { CLUSTER } from "../../../../server/test/support/rest-server.ts";
import type { Json } from "../../support/management-server.ts";
import { type DriftCase, inside } from "../drift-case.ts";
import type { DriftWorld } from "../drift-world.ts";
import { HTTP_OPTIONS, httpOptionNames, otherOptions } from "./http-options.ts";

/** A path whose requests several targets share. They treat it alike, so `path_rewrite` drifts for all of them at once. */
export function replicasCase({ peers: [peer], hosts: [host], subnets: [lan] }: DriftWorld): DriftCase {
  const replicas = "targets.replicas";
  return {
    type: "netbird_proxy_service",
    label: "replicas",
    hcl: `
      name   = "pool"
      domain = "pool.${CLUSTER}"
      targets = {
        "/" = {
          target_type = "peer", target_id = "${peer}", port = 4000, options = { path_rewrite = "preserve" }
          replicas = [
            { target_type = "peer", target_id = "${peer}", port = 4001, ${HTTP_OPTIONS} },
            {
              target_type = "subnet", target_id = "${lan}", host = "10.2.0.5", port = 80
              options = { path_rewrite = "preserve", custom_headers = { X-A = "b" } }
            },
          ]
        }
      }
      wait_for_live = false`,
    path: ({ id }) => `/reverse-proxies/services/${id}`,
    rounds: [
      {
        change: ({ targets: [first, one, other] }: Json) => ({
          targets: [
            { ...first, options: {} },
            {
              ...one,
              target_type: "host",
              target_id: host,
              port: 4002,
              protocol: "https",
              enabled: false,
              host: undefined,
              options: otherOptions,
            },
            { ...other, host: "10.2.0.6", options: { custom_headers: { "X-A": "c" } } },
          ],
        }),
        drifted: [
          "targets.options emptied",
          ...inside(replicas, ["target_type", "target_id", "port", "protocol", "enabled", "host"]),
          ...inside(`${replicas}.options`, httpOptionNames),
        ],
      },
      {
        change: ({ targets: [first, one, other] }: Json) => ({
          targets: [
            { ...first, options: {} },
            { ...one, options: {} },
            { ...other, options: { skip_tls_verify: true } },
          ],
        }),
        drifted: [
          "targets.options emptied",
          `${replicas}.options emptied`,
          ...inside(`${replicas}.options`, ["skip_tls_verify", "path_rewrite", "custom_headers emptied"]),
        ],
      },
      {
        change: ({ targets }: Json) => ({ targets: targets.slice(0, 2) }),
        drifted: [replicas],
      },
      {
        change: ({ targets }: Json) => ({ targets: targets.slice(0, 1) }),
        drifted: [`${replicas} emptied`],
      },
    ],
  };
}
