import assert from "node:assert/strict";
import { openRealServer, type RealServer } from "../support/real-server.ts";

suite("a name that somebody has while the plan is made", () => {
  let real: RealServer;
  let networks: [string, string];
  setup(async () => {
    real = await openRealServer();
    networks = [
      await real.make("/networks", { name: "office" }),
      await real.make("/networks", { name: "branch" }),
    ];
  });
  teardown(() => real.close());

  const host = (label: string, name: string, network = networks[0], more = "") => `
    resource "netbird_network_resource" "${label}" {
      network_id = "${network}"
      name       = "${name}"
      address    = "10.1.2.3"
      ${more}
    }`;

  // The server was asked whether it could make the new object while the old one still had the name.
  test("is no obstacle to replacing the object that has it", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const { failed, output } = await workspace.plan(host("a", "database", networks[1]));
    assert.ok(!failed, output);
    assert.match(output, /1 to add, 0 to change, 1 to destroy/);
    assert.doesNotMatch(output, /Warning/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("goes from one object to another in one apply", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const after = "depends_on = [netbird_network_resource.a]";
    const { failed, output } = await workspace.plan(
      host("a", "archive") + host("b", "database", networks[0], after),
    );
    assert.ok(!failed, output);
    assert.doesNotMatch(output, /Warning/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("is refused when who has it keeps it, managed here or not", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const managed = await workspace.plan(
      host("a", "database") + host("b", "database", networks[0], "depends_on = [netbird_network_resource.a]"),
    );
    assert.match(managed.output, /A resource named database exists already/);
    assert.ok(managed.failed, managed.output);
    await real.make(`/networks/${networks[1]}/resources`, {
      name: "files",
      address: "10.1.2.4",
      enabled: true,
      groups: [],
    });
    const foreign = await workspace.plan(host("a", "files"));
    assert.ok(foreign.failed, foreign.output);
  });
});
