import assert from "node:assert/strict";
import { TerraformWorkspace } from "../support/terraform.ts";

const ADDRESS = "netbird_setup_key.agents";

suite("netbird_setup_key", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  const key = (body: string) => `resource "netbird_group" "agents" { name = "agents" }
    resource "netbird_setup_key" "agents" {
      name        = "agents"
      auto_groups = [netbird_group.agents.id]
      ${body}
    }`;

  test("create, empty plan, update in place, destroy", async () => {
    const { server } = workspace;
    const { output } = await workspace.plan(key("expiry_seconds = 86400"));
    assert.match(output, /usage_limit += 0/);
    await workspace.apply();
    const state = (await workspace.state(ADDRESS))!;
    assert.equal(
      state.key,
      "A616097E-FCF0-48FA-9354-CA4A61142761",
      "the key is only told once and must be kept",
    );
    assert.equal(state.state, "valid");
    await workspace.assertEmptyPlan();

    const { id } = server.only(server.setupKeys);
    const revoke = await workspace.plan(key("expiry_seconds = 86400\nrevoked = true"));
    assert.match(revoke.output, /1 to change/);
    await workspace.apply();
    assert.equal(server.only(server.setupKeys).id, id);
    assert.equal((await workspace.state(ADDRESS))!.state, "revoked");
    await workspace.assertEmptyPlan();

    const again = await workspace.plan(key("expiry_seconds = 86400"));
    assert.match(again.output, /must be replaced/, "a revoked key cannot be valid again");
    await workspace.destroy();
    assert.equal(server.setupKeys.size, 0);
  });

  test("what cannot change makes a new key", async () => {
    await workspace.apply(key('type = "reusable"'));
    for (const change of [
      `type = "one-off"`,
      "expiry_seconds = 60",
      "usage_limit = 5",
      "ephemeral = true",
      "allow_extra_dns_labels = true",
    ]) {
      const { output } = await workspace.plan(key(change));
      assert.match(output, /must be replaced/, `${change}\n${output}`);
      assert.match(output, /1 to add, 0 to change, 1 to destroy/, change);
    }
    await workspace.apply(key(`type = "one-off"`));
    assert.equal(workspace.server.only(workspace.server.setupKeys).usage_limit, 1);
    await workspace.assertEmptyPlan();
  });

  test("an imported key is adopted without making a new one", async () => {
    const { server } = workspace;
    await workspace.apply(key("expiry_seconds = 86400"));
    const { id } = server.only(server.setupKeys);
    await workspace.run("state", "rm", ADDRESS);
    assert.equal((await workspace.import(ADDRESS, "name=agents")).code, 0);
    const { output } = await workspace.plan();
    assert.match(output, /0 to add, 1 to change, 0 to destroy/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
    assert.equal(server.only(server.setupKeys).id, id);
    assert.equal((await workspace.state(ADDRESS))!.key, null);
  });

  test("a drift of groups is repaired in place", async () => {
    const { server } = workspace;
    await workspace.apply(key(""));
    server.only(server.setupKeys).auto_groups = [];
    const { output } = await workspace.plan();
    assert.match(output, /1 to change/);
    await workspace.apply();
    assert.deepEqual(server.only(server.setupKeys).auto_groups, [...server.groups.keys()]);
  });

  test("without auto_groups, an empty list of the server is no drift", async () => {
    await workspace.apply(`resource "netbird_setup_key" "agents" { name = "agents" }`);
    await workspace.assertEmptyPlan();
    await workspace.apply(`resource "netbird_setup_key" "agents" {
      name        = "agents"
      auto_groups = []
    }`);
    await workspace.assertEmptyPlan();
  });

  test("a create that fails half-way keeps the key", async () => {
    const { server } = workspace;
    server.fault("PUT", /^\/setup-keys/, { status: 500 });
    const output = await workspace.applyFails(key("revoked = true"));
    assert.match(output, /injected failure/i);
    assert.equal((await workspace.state(ADDRESS))!.id, server.only(server.setupKeys).id);
  });

  test("a lost answer is reported, because the key in it is lost too", async () => {
    // With the group there already everything is known, and the plan asks; so does the apply, which has written nothing
    // then. That those questions are lost too is only a warning.
    await workspace.apply(`resource "netbird_group" "agents" { name = "agents" }`);
    workspace.server.fault("POST", /^\/setup-keys/, { after: true, cut: true, times: 3 });
    const output = await workspace.applyFails(key(""));
    assert.match(output, /The plan was not checked by the server/);
    assert.match(output, /A setup key may have been left behind/);
    assert.equal(await workspace.state(ADDRESS), undefined);
  });
});
