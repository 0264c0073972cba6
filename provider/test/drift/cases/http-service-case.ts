import { CLUSTER } from "../../../../server/test/support/rest-server.ts";
import type { Json } from "../../support/management-server.ts";
import { type DriftCase, inside } from "../drift-case.ts";
import type { DriftWorld } from "../drift-world.ts";
import { HTTP_OPTIONS, httpOptionNames, otherOptions } from "./http-options.ts";

/** A service of mode `http` with everything that it can have. */
export function httpServiceCase({
  peers: [peer],
  groups: [staff, guests],
  hosts: [host],
  subnets: [lan],
  authorities: [trusted, other],
}: DriftWorld): DriftCase {
  const changedTargets = ([root, files]: Json[]) => [
    {
      ...root,
      target_type: "host",
      target_id: host,
      port: 3001,
      protocol: "https",
      enabled: false,
      host: undefined,
      options: otherOptions,
    },
    { ...files, host: "10.2.0.6" },
  ];
  return {
    type: "netbird_proxy_service",
    hcl: `
      name   = "shop"
      domain = "shop.${CLUSTER}"
      targets = {
        "/"      = { target_type = "peer", target_id = "${peer}", port = 3000, ${HTTP_OPTIONS} }
        "/files" = { target_type = "subnet", target_id = "${lan}", host = "10.2.0.5", port = 80, options = { custom_headers = { X-A = "b" } } }
      }
      pass_host_header  = true
      rewrite_redirects = true
      auth = {
        password            = { value_wo = "correct horse" }
        pin                 = { value_wo = "123456" }
        sso                 = { groups = ["${staff}"] }
        headers             = { X-Key = { value_wo = "one" }, X-Other = { value_wo = "two" } }
        client_certificates = { ca_certificates = <<-PEM
${trusted.trim()}
PEM
        }
        service_tokens      = true
        share_links         = true
        identity_token      = true
        session_length      = "8h"
        session_idle_time   = "30m"
      }
      access_restrictions = {
        allowed_cidrs     = ["192.0.2.0/24"]
        blocked_cidrs     = ["198.51.100.0/24"]
        allowed_countries = ["DE"]
        blocked_countries = ["US"]
        crowdsec_mode     = "observe"
        cidr_mode         = "observe"
        country_mode      = "observe"
        request_rate      = { per_minute = 60, burst = 10, mode = "observe" }
      }
      access_rules = [
        { path_prefix = "/hook", methods = ["POST"], header = { name = "X-Hook", value = "v" }, action = "allow" },
        { path = "/admin", action = "require", require = ["password", "sso"], mode = "observe" },
      ]
      access_groups = ["${staff}"]
      wait_for_live = false`,
    path: ({ id }) => `/reverse-proxies/services/${id}`,
    rounds: [
      {
        change: ({ targets, access_rules: [hook, admin] }: Json) => ({
          name: "other",
          domain: `other.${CLUSTER}`,
          enabled: false,
          pass_host_header: false,
          rewrite_redirects: false,
          targets: changedTargets(targets),
          auth: {
            bearer_auth: { distribution_groups: [guests] },
            header_auths: [{ enabled: true, header: "X-Key", value: "" }],
            client_certificate_auth: { ca_certificates: other },
            token_auth: null,
            share_link_auth: null,
            identity_token: null,
            session_length: "9h",
            session_idle_time: "1h",
          },
          access_restrictions: {
            allowed_cidrs: ["192.0.2.0/25"],
            blocked_cidrs: ["198.51.100.0/25"],
            allowed_countries: ["FR"],
            blocked_countries: ["CA"],
            crowdsec_mode: "enforce",
            cidr_mode: "enforce",
            country_mode: "enforce",
            request_rate: { per_minute: 61, burst: 11, mode: "enforce" },
          },
          access_rules: [
            {
              ...hook,
              path_prefix: "/in",
              methods: ["PUT"],
              header: { name: "X-In", value: "w" },
              action: "deny",
            },
            { ...admin, path: "/root", require: ["pin"], mode: "enforce" },
          ],
          access_groups: [guests],
        }),
        drifted: [
          ...["name", "domain", "enabled", "pass_host_header", "rewrite_redirects", "access_groups"],
          ...inside("targets", ["target_type", "target_id", "port", "protocol", "enabled", "host"]),
          ...inside("targets.options", httpOptionNames),
          ...inside("auth", ["sso.groups", "headers", "client_certificates.ca_certificates"]),
          ...inside("auth", ["service_tokens", "share_links", "identity_token"]),
          ...inside("auth", ["session_length", "session_idle_time"]),
          ...inside("access_restrictions", ["allowed_cidrs", "blocked_cidrs"]),
          ...inside("access_restrictions", ["allowed_countries", "blocked_countries"]),
          ...inside("access_restrictions", ["crowdsec_mode", "cidr_mode", "country_mode"]),
          ...inside("access_restrictions.request_rate", ["per_minute", "burst", "mode"]),
          ...inside("access_rules", ["path_prefix", "methods", "header.name", "header.value", "action"]),
          ...inside("access_rules", ["path", "require", "mode"]),
        ],
      },
      {
        change: ({ targets: [root, files], access_rules: [hook, admin] }: Json) => ({
          targets: [
            { ...root, options: {} },
            { ...files, options: { skip_tls_verify: true } },
            { ...root, path: "/new" },
          ],
          auth: {
            password_auth: null,
            pin_auth: null,
            bearer_auth: { distribution_groups: [] },
            header_auths: null,
            client_certificate_auth: null,
          },
          access_restrictions: {
            allowed_cidrs: null,
            blocked_cidrs: null,
            allowed_countries: null,
            blocked_countries: null,
            request_rate: null,
          },
          access_rules: [
            { ...hook, methods: undefined, header: undefined },
            { ...admin, action: "deny", require: undefined },
          ],
          access_groups: [],
        }),
        drifted: [
          ...["targets", "targets.options emptied", "access_groups emptied"],
          ...inside("targets.options", ["skip_tls_verify", "custom_headers emptied"]),
          ...inside("auth", ["password emptied", "pin emptied", "sso.groups emptied", "headers emptied"]),
          "auth.client_certificates emptied",
          ...inside("access_restrictions", ["allowed_cidrs emptied", "blocked_cidrs emptied"]),
          ...inside("access_restrictions", ["allowed_countries emptied", "blocked_countries emptied"]),
          "access_restrictions.request_rate emptied",
          ...inside("access_rules", ["methods emptied", "header emptied", "action", "require emptied"]),
        ],
      },
      {
        change: ({ access_rules: [hook] }: Json) => ({
          auth: { bearer_auth: null },
          access_rules: [hook],
        }),
        drifted: ["auth.sso emptied", "access_rules"],
      },
      {
        change: ({ auth }: Json) => ({
          auth: Object.fromEntries(Object.keys(auth).map((method) => [method, null])),
          access_restrictions: null,
          access_rules: null,
        }),
        drifted: ["auth emptied", "access_restrictions emptied", "access_rules emptied"],
      },
    ],
  };
}
