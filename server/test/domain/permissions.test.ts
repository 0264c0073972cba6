import assert from "node:assert/strict";
import { isAllowed, type Module, type Operation } from "../../src/domain/permissions.ts";
import type { Role } from "../../src/store/users.ts";

suite("permissions", () => {
  const cases: [Role, Module, Operation, boolean][] = [
    ["owner", "accounts", "delete", true],
    ["admin", "accounts", "read", true],
    ["admin", "accounts", "delete", false],
    ["admin", "services", "create", true],
    ["auditor", "services", "read", true],
    ["auditor", "services", "create", false],
    ["network_admin", "services", "create", true],
    ["network_admin", "networks", "delete", true],
    ["network_admin", "setup_keys", "read", true],
    ["network_admin", "setup_keys", "create", false],
    ["user", "peers", "read", false],
    ["billing_admin", "groups", "read", false],
  ];
  for (const [role, module, operation, expected] of cases) {
    test(`${role} ${expected ? "may" : "may not"} ${operation} ${module}`, () =>
      assert.equal(isAllowed({ role, isServiceUser: false }, module, operation), expected));
  }

  test("a service user reads everything and writes as its role", () => {
    assert.ok(isAllowed({ role: "user", isServiceUser: true }, "services", "read"));
    assert.ok(!isAllowed({ role: "user", isServiceUser: true }, "services", "update"));
  });
});
