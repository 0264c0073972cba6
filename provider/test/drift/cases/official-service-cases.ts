import { CLUSTER } from "../../../../server/test/support/rest-server.ts";
import type { Json } from "../../support/management-server.ts";
import { type DriftCase, inside } from "../drift-case.ts";
import type { DriftWorld } from "../drift-world.ts";

const path = ({ id }: Json) => `/reverse-proxies/services/${id}`;

/** Services in the words of NetBird's own provider. */
export const officialServiceCases = (world: DriftWorld): DriftCase[] => [httpCase(world), tcpCase(world)];

function httpCase({
  peers: [peer],
  groups: [staff, guests],
  hosts: [host],
  subnets: [lan],
}: DriftWorld): DriftCase {
  return {
    type: "netbird_reverse_proxy_service",
    hcl: `
      name              = "old"
      domain            = "old.${CLUSTER}"
      pass_host_header  = true
      rewrite_redirects = true
      targets = [
        {
          target_id = "${peer}", target_type = "peer", port = 3000, protocol = "http"
          options = {
            skip_tls_verify      = true
            request_timeout      = "30s"
            session_idle_timeout = "5m"
            path_rewrite         = "preserve"
            custom_headers       = { X-A = "b" }
          }
        },
        {
          target_id = "${lan}", target_type = "subnet", host = "10.2.0.5", port = 80, protocol = "http", path = "/files"
          options = { skip_tls_verify = true, custom_headers = { X-A = "b" } }
        },
      ]
      auth = {
        password_auth = { enabled = true, password = "correct horse" }
        pin_auth      = { enabled = true, pin = "123456" }
        bearer_auth   = { enabled = true, distribution_groups = ["${staff}"] }
        header_auths  = [
          { enabled = true, header = "X-Key", value = "one" },
          { enabled = true, header = "X-Other", value = "two" },
        ]
      }
      access_restrictions = {
        allowed_cidrs     = ["192.0.2.0/24"]
        blocked_cidrs     = ["198.51.100.0/24"]
        allowed_countries = ["DE"]
        blocked_countries = ["US"]
      }`,
    path,
    rounds: [
      {
        change: ({
          targets: [root, files],
          auth: {
            header_auths: [key, other],
          },
        }: Json) => ({
          name: "other",
          domain: `older.${CLUSTER}`,
          enabled: false,
          pass_host_header: false,
          rewrite_redirects: false,
          targets: [
            {
              ...root,
              target_id: host,
              target_type: "host",
              port: 3001,
              protocol: "https",
              path: "/web",
              enabled: false,
              host: undefined,
              options: { request_timeout: "10s", session_idle_timeout: "1m", custom_headers: { "X-A": "c" } },
            },
            { ...files, host: "10.2.0.6" },
          ],
          auth: {
            password_auth: { enabled: false },
            pin_auth: { enabled: false },
            bearer_auth: { enabled: false, distribution_groups: [guests] },
            header_auths: [
              { ...key, enabled: false },
              { ...other, header: "X-New", value: "two" },
            ],
          },
          access_restrictions: {
            allowed_cidrs: ["192.0.2.0/25"],
            blocked_cidrs: ["198.51.100.0/25"],
            allowed_countries: ["FR"],
            blocked_countries: ["CA"],
          },
        }),
        drifted: [
          ...["name", "domain", "enabled", "pass_host_header", "rewrite_redirects"],
          ...inside("targets", ["target_id", "target_type", "port", "protocol", "path", "enabled", "host"]),
          ...inside("targets.options", ["skip_tls_verify", "request_timeout", "session_idle_timeout"]),
          ...inside("targets.options", ["path_rewrite", "custom_headers"]),
          ...inside("auth", ["password_auth.enabled", "pin_auth.enabled", "bearer_auth.enabled"]),
          ...inside("auth", [
            "bearer_auth.distribution_groups",
            "header_auths.enabled",
            "header_auths.header",
          ]),
          ...inside("access_restrictions", ["allowed_cidrs", "blocked_cidrs"]),
          ...inside("access_restrictions", ["allowed_countries", "blocked_countries"]),
        ],
      },
      {
        change: ({
          targets: [root, files],
          auth: {
            header_auths: [key],
          },
        }: Json) => ({
          targets: [
            { ...root, options: {} },
            { ...files, options: { skip_tls_verify: true } },
            { ...files, path: "/new" },
          ],
          auth: {
            password_auth: null,
            pin_auth: null,
            bearer_auth: { distribution_groups: [] },
            header_auths: [key],
          },
          access_restrictions: { allowed_cidrs: null, blocked_cidrs: null },
        }),
        drifted: [
          ...["targets", "targets.options emptied", "targets.options.custom_headers emptied"],
          ...inside("auth", ["password_auth emptied", "pin_auth emptied", "header_auths"]),
          "auth.bearer_auth.distribution_groups emptied",
          ...inside("access_restrictions", ["allowed_cidrs emptied", "blocked_cidrs emptied"]),
        ],
      },
      {
        change: {
          auth: { bearer_auth: null, header_auths: null },
          access_restrictions: { allowed_countries: null, blocked_countries: null },
        },
        drifted: [
          ...inside("auth", ["bearer_auth emptied", "header_auths emptied"]),
          ...inside("access_restrictions", ["allowed_countries emptied", "blocked_countries emptied"]),
        ],
      },
      { change: { access_restrictions: null }, drifted: ["access_restrictions emptied"] },
    ],
  };
}

function tcpCase({ subnets: [lan] }: DriftWorld): DriftCase {
  return {
    type: "netbird_reverse_proxy_service",
    label: "tcp",
    hcl: `
      name        = "mail"
      domain      = "mail.${CLUSTER}"
      mode        = "tcp"
      listen_port = 15025
      targets = [{
        target_id = "${lan}", target_type = "subnet", host = "10.2.0.7", port = 25, protocol = "tcp"
        options   = { proxy_protocol = true }
      }]
      auth = {}`,
    path,
    rounds: [
      {
        change: ({ targets: [target] }: Json) => ({
          listen_port: 15_026,
          targets: [{ ...target, options: { request_timeout: "10s" } }],
        }),
        drifted: ["listen_port", "targets.options.proxy_protocol", "targets.options.request_timeout"],
      },
    ],
  };
}
