import assert from "node:assert/strict";
import { AppError } from "@netbird-proxy/proto";
import type { ServiceRequest, ServiceTargetRequest } from "@netbird-proxy/proto/rest";
import { validateService } from "../../src/domain/validate-service.ts";

const target = (change: Partial<ServiceTargetRequest> = {}): ServiceTargetRequest => ({
  target_id: "p1",
  target_type: "peer",
  protocol: "http",
  port: 8080,
  enabled: true,
  ...change,
});

const request = (change: Partial<ServiceRequest> = {}): ServiceRequest => ({
  name: "shop",
  domain: "shop.example.net",
  targets: [target()],
  enabled: true,
  ...change,
});

const withOptions = (options: ServiceTargetRequest["options"], change: Partial<ServiceRequest> = {}) =>
  request({ targets: [target({ options })], ...change });

const layer4 = (mode: "tcp" | "udp" | "tls", change: Partial<ServiceTargetRequest> = {}) =>
  request({ mode, listen_port: 5432, targets: [target({ protocol: "tcp", ...change })] });

suite("a service request", () => {
  const refused: [string, ServiceRequest, string, string][] = [
    ["without a name", request({ name: "" }), "service.invalid", "name"],
    ["with a name of 256 bytes", request({ name: "ü".repeat(128) }), "service.invalid", "name"],
    ["without a domain", request({ domain: "" }), "service.invalid", "domain"],
    ["with a domain that is none", request({ domain: "shop example" }), "service.invalid", "domain"],
    ["with a wildcard domain", request({ domain: "*.example.net" }), "service.invalid", "domain"],
    ["without targets", request({ targets: [] }), "service.no_targets", "targets"],
    [
      "with the same target of a path twice",
      request({ targets: [target(), target({ path: "/" })] }),
      "service.duplicate_target",
      "targets[1].target_id",
    ],
    [
      "with the same target of paths that differ in a slash",
      request({ targets: [target(), target({ path: "/api" }), target({ path: "/api/" })] }),
      "service.duplicate_target",
      "targets[2].target_id",
    ],
    [
      "with targets of one path that treat it in different ways",
      request({ targets: [target(), target({ port: 81, options: { path_rewrite: "preserve" } })] }),
      "service.invalid",
      "targets[1].options.path_rewrite",
    ],
    [
      "with a path without slash",
      request({ targets: [target({ path: "api" })] }),
      "service.invalid",
      "targets[0].path",
    ],
    [
      "with a query in the path",
      request({ targets: [target({ path: "/a?b" })] }),
      "service.invalid",
      "targets[0].path",
    ],
    [
      "without target id",
      request({ targets: [target({ target_id: "" })] }),
      "service.invalid",
      "targets[0].target_id",
    ],
    [
      "with a target port above 65535",
      request({ targets: [target(), target({ path: "/b", port: 65_536 })] }),
      "service.port_out_of_range",
      "targets[1].port",
    ],
    [
      "with a negative port",
      request({ targets: [target({ port: -1 })] }),
      "service.port_out_of_range",
      "targets[0].port",
    ],
    ["in tcp mode without port", layer4("tcp", { port: 0 }), "service.port_out_of_range", "targets[0].port"],
    ["with a listen port in http mode", request({ listen_port: 80 }), "service.invalid", "listen_port"],
    [
      "in tls mode without listen port",
      { ...layer4("tls"), listen_port: 0 },
      "service.port_out_of_range",
      "listen_port",
    ],
    [
      "with a listen port above 65535",
      { ...layer4("tcp"), listen_port: 70_000 },
      "service.port_out_of_range",
      "listen_port",
    ],
    [
      "in tcp mode with two targets",
      { ...layer4("tcp"), targets: [target(), target()] },
      "service.invalid",
      "targets[1]",
    ],
    ["in tcp mode with a path", layer4("tcp", { path: "/x" }), "service.invalid", "targets[0].path"],
    [
      "in tcp mode with a password",
      { ...layer4("tcp"), auth: { password_auth: { enabled: true, password: "x" } } },
      "service.invalid",
      "auth.password_auth",
    ],
    [
      "with an unknown scheme",
      request({ targets: [target({ protocol: "ftp" })] }),
      "service.invalid",
      "targets[0].protocol",
    ],
    [
      "with a subnet target without host",
      request({ targets: [target({ target_type: "subnet" })] }),
      "service.invalid",
      "targets[0].host",
    ],
    [
      "with a port in the host",
      request({ targets: [target({ target_type: "subnet", host: "10.0.0.1:80" })] }),
      "service.invalid",
      "targets[0].host",
    ],
    [
      "with a cluster target through the tunnel",
      request({ targets: [target({ target_type: "cluster", host: "localhost" })] }),
      "service.invalid",
      "targets[0].options.direct_upstream",
    ],
    [
      "with a bad timeout",
      withOptions({ request_timeout: "30" }),
      "service.invalid",
      "targets[0].options.request_timeout",
    ],
    [
      "with a negative timeout",
      withOptions({ session_idle_timeout: "-1s" }),
      "service.invalid",
      "targets[0].options.session_idle_timeout",
    ],
    [
      "with PROXY protocol in http mode",
      withOptions({ proxy_protocol: true }),
      "service.invalid",
      "targets[0].options.proxy_protocol",
    ],
    [
      "with a hop-by-hop header",
      withOptions({ custom_headers: { Connection: "close" } }),
      "service.invalid",
      "targets[0].options.custom_headers.Connection",
    ],
    [
      "with a line break in a header",
      withOptions({ custom_headers: { "X-A": "a\r\nb" } }),
      "service.invalid",
      "targets[0].options.custom_headers.X-A",
    ],
    [
      "with one header in two spellings",
      withOptions({ custom_headers: { "X-A": "1", "x-a": "2" } }),
      "service.invalid",
      "targets[0].options.custom_headers.x-a",
    ],
    [
      "with a header credential named Host",
      request({ auth: { header_auths: [{ enabled: true, header: "Host", value: "x" }] } }),
      "service.invalid",
      "auth.header_auths[0].header",
    ],
    [
      "with an address instead of a CIDR",
      request({ access_restrictions: { allowed_cidrs: ["10.0.0.0/8", "192.0.2.1"] } }),
      "service.invalid",
      "access_restrictions.allowed_cidrs[1]",
    ],
    [
      "with host bits in a CIDR",
      request({ access_restrictions: { blocked_cidrs: ["192.0.2.1/24"] } }),
      "service.invalid",
      "access_restrictions.blocked_cidrs[0]",
    ],
    [
      "with a country of three letters",
      request({ access_restrictions: { allowed_countries: ["DEU"] } }),
      "service.invalid",
      "access_restrictions.allowed_countries[0]",
    ],
    ["that is private without groups", request({ private: true }), "service.invalid", "access_groups"],
    [
      "that is private and in tcp mode",
      { ...layer4("tcp"), private: true, access_groups: ["g"] },
      "service.invalid",
      "private",
    ],
    [
      "that is private and asks for another way to sign in",
      request({
        private: true,
        access_groups: ["g"],
        auth: { pin_auth: { enabled: true, pin: "123456" } },
        access_rules: [
          { path: "/a", action: "deny" },
          { path: "/b", action: "require", require: ["pin"] },
        ],
      }),
      "service.invalid",
      "access_rules[1].require",
    ],
    [
      "that is private and public",
      request({ private: true, access_groups: ["g"], public: true }),
      "service.invalid",
      "public",
    ],
  ];
  for (const [what, bad, code, path] of refused) {
    test(`${what} is refused at ${path}`, () => {
      assert.throws(
        () => validateService(bad),
        (error) => {
          assert.ok(error instanceof AppError, String(error));
          assert.deepEqual([error.code, error.path], [code, path]);
          assert.notEqual(error.hint, "");
          return true;
        },
      );
    });
  }

  test("takes the zero values of the reference for what is absent", () => {
    const draft = validateService(request({ enabled: undefined, targets: [target({ enabled: undefined })] }));
    assert.deepEqual(
      [draft.mode, draft.enabled, draft.targets[0]?.enabled, draft.targets[0]?.path, draft.public],
      ["http", false, false, null, false],
    );
    assert.equal(validateService(layer4("tcp", { enabled: false })).targets[0]?.enabled, true);
  });

  test("is stored in canonical form", () => {
    const draft = validateService(
      request({
        targets: [target({ options: { request_timeout: "90s", path_rewrite: "", skip_tls_verify: false } })],
        access_restrictions: { allowed_countries: ["de"] },
      }),
    );
    assert.deepEqual(draft.targets[0]?.options, { requestTimeout: "1m30s" });
    assert.deepEqual(draft.accessRestrictions?.allowedCountries, ["DE"]);
  });

  test("empty restrictions are none", () => {
    assert.equal(
      validateService(request({ access_restrictions: { allowed_cidrs: [] } })).accessRestrictions,
      null,
    );
    assert.notEqual(
      validateService(request({ access_restrictions: { crowdsec_mode: "off" } })).accessRestrictions,
      null,
    );
  });
});
