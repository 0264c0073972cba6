import assert from "node:assert/strict";
import { chooseTarget, compileRoutes } from "../../src/forward/choose-target.ts";

const route = (prefix: string, domain = "") => ({ resourceId: "r", prefix, domain });
const table = compileRoutes({
  address: "100.64.0.5",
  addressV6: "fd00::5",
  routes: [
    route("10.0.0.0/8"),
    route("100.64.200.1/32", "DB.internal."),
    route("100.64.200.2/32", "*.internal"),
    route("10.1.2.3/32", "special.internal"),
    route("nonsense"),
  ],
});

suite("targets on this side", () => {
  test("the agent's own addresses mean this host", () => {
    assert.deepEqual(chooseTarget(table, "100.64.0.5"), { kind: "own-host" });
    assert.deepEqual(chooseTarget(table, "fd00:0:0::5"), { kind: "own-host" });
  });

  test("an address under a routed prefix is dialled as it is", () => {
    assert.deepEqual(chooseTarget(table, "10.9.9.9"), { kind: "address", address: "10.9.9.9" });
  });

  test("the virtual address of a domain resource means its name", () => {
    assert.deepEqual(chooseTarget(table, "100.64.200.1"), { kind: "name", name: "db.internal" });
  });

  test("the most specific route wins, whatever the order", () => {
    assert.deepEqual(chooseTarget(table, "10.1.2.3"), { kind: "name", name: "special.internal" });
  });

  test("a wildcard's address names nothing that could be dialled", () => {
    assert.deepEqual(chooseTarget(table, "100.64.200.2"), { kind: "none", why: "wildcard" });
  });

  test("everything else has no route", () => {
    assert.deepEqual(chooseTarget(table, "8.8.8.8"), { kind: "none", why: "no-route" });
    assert.deepEqual(table.unreadable, [route("nonsense")]);
  });
});
