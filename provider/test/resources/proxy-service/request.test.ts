import assert from "node:assert/strict";
import { attributeOfField } from "../../../src/resources/proxy-service/request.ts";

suite("the attribute that a field of the API belongs to", () => {
  const plan = {
    target: null,
    targets: new Map([
      ["/b", {}],
      ["/", {}],
      ["/a", { replicas: [{}] }],
    ]),
  };
  const headers = ["X-A", "X-B"];
  const cases: [string, unknown][] = [
    ["name", ["name"]],
    ["listen_port", ["listen_port"]],
    ["targets", ["targets"]],
    ["targets[0].port", ["targets", { key: "/" }, "port"]],
    ["targets[2].options.path_rewrite", ["targets", { key: "/a" }, "replicas", 0, "options", "path_rewrite"]],
    ["targets[3].path", ["targets", { key: "/b" }]],
    ["targets[1].options.request_timeout", ["targets", { key: "/a" }, "options", "request_timeout"]],
    ["targets[9].port", ["targets"]],
    ["auth.password_auth.password", ["auth", "password"]],
    ["auth.bearer_auth.distribution_groups", ["auth", "sso"]],
    ["auth.header_auths[1].value", ["auth", "headers", { key: "X-B" }]],
    ["auth.header_auths", ["auth", "headers"]],
    ["access_restrictions.allowed_cidrs[3]", ["access_restrictions", "allowed_cidrs"]],
    ["access_rules", ["access_rules"]],
    ["access_rules[2]", ["access_rules", 2]],
    ["access_rules[0].header.name", ["access_rules", 0, "header", "name"]],
    ["access_rules[1].methods[3]", ["access_rules", 1, "methods"]],
    ["constructor", undefined],
    ["", undefined],
  ];
  for (const [field, path] of cases) {
    test(`of ${field || "nothing"}`, () => assert.deepEqual(attributeOfField(field, plan, headers), path));
  }

  test("in a layer 4 mode is the one target", () => {
    assert.deepEqual(attributeOfField("targets[0].port", { target: {}, targets: null }, []), [
      "target",
      "port",
    ]);
  });
});
