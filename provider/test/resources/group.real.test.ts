import assert from "node:assert/strict";
import { TerraformWorkspace } from "../support/terraform.ts";

suite("netbird_group", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  test("is created, planned empty, changed in place, imported and destroyed", async () => {
    const { server } = workspace;
    await workspace.apply(`resource "netbird_group" "staff" {
      name  = "staff"
      peers = ["${server.peerId("web")}"]
    }`);
    const created = server.only(server.groups);
    assert.equal(created.name, "staff");
    assert.deepEqual(created.peers, [{ id: server.peerId("web"), name: "web" }]);
    await workspace.assertEmptyPlan();

    const { output } = await workspace.plan(`resource "netbird_group" "staff" {
      name  = "employees"
      peers = []
    }`);
    assert.match(output, /updated in-place/);
    assert.match(output, /"staff" -> "employees"/);
    assert.doesNotMatch(output, /known after apply/);
    await workspace.apply();
    assert.equal(server.only(server.groups).name, "employees");
    assert.equal(server.only(server.groups).id, created.id);
    assert.equal(server.only(server.groups).peers, null);
    await workspace.assertEmptyPlan();

    assert.equal((await workspace.run("state", "rm", "netbird_group.staff")).code, 0);
    const imported = await workspace.import("netbird_group.staff", "name=employees");
    assert.equal(imported.code, 0, imported.output);
    await workspace.assertEmptyPlan();

    await workspace.destroy();
    assert.equal(server.groups.size, 0);
  });
});
