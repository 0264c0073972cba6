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

  test("members that nobody configured are left alone by an update", async () => {
    const { server } = workspace;
    await workspace.apply(`resource "netbird_group" "agents" { name = "agents" }`);
    const web = server.peerId("web");
    const group = server.only(server.groups);
    group.peers = [{ id: web, name: "web" }];
    group.resources = [{ id: "resource1", type: "host" }];
    await workspace.assertEmptyPlan();
    // Joins after the plan was made: only a read right before the write knows.
    server.only(server.groups).peers.push({ id: server.peerId("api"), name: "api" });
    workspace.configure(`resource "netbird_group" "agents" { name = "machines" }`);
    await workspace.run("apply", "-refresh=false", "-auto-approve");
    assert.equal(server.only(server.groups).name, "machines");
    assert.deepEqual(
      server.only(server.groups).peers.map(({ id }: { id: string }) => id),
      [web, server.peerId("api")],
    );
    assert.deepEqual(server.only(server.groups).resources, [{ id: "resource1", type: "host" }]);
  });

  test("every drift is shown and repaired in place", async () => {
    const { server } = workspace;
    const [web, api] = [server.peerId("web"), server.peerId("api")];
    await workspace.apply(`resource "netbird_group" "staff" {
      name      = "staff"
      peers     = ["${web}", "${api}"]
      resources = ["resource1"]
    }`);
    const original = structuredClone(server.only(server.groups));
    const drifts = {
      name: { name: "other" },
      peers: { peers: [{ id: web, name: "web" }] },
      "no peers": { peers: null },
      resources: { resources: [{ id: "resource2", type: "host" }] },
    };
    for (const [name, drift] of Object.entries(drifts)) {
      Object.assign(server.only(server.groups), drift);
      const { output } = await workspace.plan();
      assert.match(output, /0 to add, 1 to change, 0 to destroy/, `${name}\n${output}`);
      await workspace.apply();
      assert.deepEqual(server.only(server.groups), original, name);
    }
    server.only(server.groups).peers.reverse();
    await workspace.assertEmptyPlan();
  });

  test("one that is gone is planned anew, one that may not be read stays, and destroying the gone succeeds", async () => {
    const { server } = workspace;
    await workspace.apply(`resource "netbird_group" "staff" { name = "staff" }`);
    for (const status of [401, 403, 500]) {
      server.fault("GET", /^\/groups/, {
        status,
        times: 9,
        body: `{"message":"group not found","code":${status}}`,
      });
      const { failed, output } = await workspace.plan();
      assert.ok(failed, `${status}: a refusal read as gone, or as nothing\n${output}`);
      server.clearFaults();
    }
    server.groups.clear();
    assert.match((await workspace.plan()).output, /will be created/);
    const { code, output } = await workspace.run("destroy", "-refresh=false", "-auto-approve", "-no-color");
    assert.equal(code, 0, output);
  });

  test("a create whose answer is lost adopts the group, a taken name is refused at the name", async () => {
    const { server } = workspace;
    server.fault("POST", /^\/groups/, { after: true, cut: true });
    await workspace.apply(`resource "netbird_group" "staff" { name = "staff" }`);
    assert.equal((await workspace.state("netbird_group.staff"))!.id, server.only(server.groups).id);
    await workspace.run("state", "rm", "netbird_group.staff");
    server.groups.set("9m4e2mr0ui3e8a215n4g", { ...server.only(server.groups), id: "9m4e2mr0ui3e8a215n4g" });
    server.groups.delete([...server.groups.keys()].find((id) => id !== "9m4e2mr0ui3e8a215n4g")!);
    server.fault("POST", /^\/groups/, { cut: true });
    const lost = await workspace.applyFails();
    assert.match(lost, /No answer from the server/, "a group of long ago is somebody else's");
    assert.equal((await workspace.import("netbird_group.staff", "staff")).code, 0);
    const output = await workspace.applyFails(`
      resource "netbird_group" "staff" { name = "staff" }
      resource "netbird_group" "again" {
        name = "staff"
      }`);
    assert.match(output, /\d+: +name = "staff"/);
    assert.match(output, /already exists/);
  });

  test("ignore_changes and create_before_destroy work", async () => {
    const { server } = workspace;
    const web = server.peerId("web");
    const hcl = (name: string) => `resource "netbird_group" "staff" {
      name  = "${name}"
      peers = ["${web}"]
      lifecycle {
        ignore_changes        = [peers]
        create_before_destroy = true
      }
    }`;
    await workspace.apply(hcl("a"));
    server.only(server.groups).peers = null;
    await workspace.assertEmptyPlan();
    await workspace.apply(hcl("b"));
    const taint = await workspace.run("apply", "-replace=netbird_group.staff", "-auto-approve", "-no-color");
    assert.equal(taint.code, 1, "two groups cannot have one name, even for a moment");
    await workspace.apply(hcl("c"));
    assert.equal(server.only(server.groups).name, "c");
  });

  test("thirty groups side by side", async () => {
    const { server } = workspace;
    await workspace.apply(`resource "netbird_group" "many" {
      count = 30
      name  = "group-\${count.index}"
    }`);
    assert.equal(server.groups.size, 30);
    server.requests.length = 0;
    await workspace.assertEmptyPlan();
    assert.equal(server.requests.length, 2);
    await workspace.destroy();
  });
});
