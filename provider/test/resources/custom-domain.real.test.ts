import assert from "node:assert/strict";
import { CLUSTER } from "../support/management-server.ts";
import { TerraformWorkspace } from "../support/terraform.ts";

const ADDRESS = "netbird_custom_domain.apps";

suite("netbird_custom_domain", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  const domain = (body = "", name = "apps.example.org") => `resource "netbird_custom_domain" "apps" {
    domain         = "${name}"
    target_cluster = "${CLUSTER}"
    ${body}
  }`;

  test("create, empty plan, import, replace, destroy", async () => {
    const { server } = workspace;
    await workspace.apply(domain());
    const state = (await workspace.state(ADDRESS))!;
    assert.deepEqual(state.validation_records, [
      { type: "CNAME", name: "validation.apps.example.org", value: CLUSTER, purpose: "ownership" },
    ]);
    assert.equal(state.validated, false);
    await workspace.assertEmptyPlan();
    server.only(server.domains).validated = true;
    await workspace.assertEmptyPlan();

    for (const form of [state.id, "apps.example.org", "domain=apps.example.org"]) {
      await workspace.run("state", "rm", ADDRESS);
      const imported = await workspace.import(ADDRESS, form);
      assert.equal(imported.code, 0, imported.output);
      await workspace.assertEmptyPlan();
    }
    const { output } = await workspace.plan(domain("", "web.example.org"));
    assert.match(output, /must be replaced/);
    await workspace.apply();
    await workspace.destroy();
    assert.equal(server.domains.size, 0);
  });

  test("wait_for_validation asks the server to look again until it found the record", async () => {
    const { server } = workspace;
    await workspace.apply(domain());
    await workspace.apply(domain("wait_for_validation = true"));
    assert.equal(server.seen(/validate$/).length, 1);
    assert.equal((await workspace.state(ADDRESS))!.validated, true);
    await workspace.assertEmptyPlan();
  });

  test("a record that does not appear in time is named", async () => {
    workspace.server.fault("GET", /\/validate$/, { status: 202, body: "", times: 99 });
    const output = await workspace.applyFails(
      domain(`wait_for_validation = true\ntimeouts = { create = "200ms" }`),
    );
    assert.match(output, /apps\.example\.org is not validated/);
    assert.match(output, /validation\.apps\.example\.org +CNAME +proxy\.example\.test/);
    assert.equal((await workspace.state(ADDRESS))!.validated, false);
  });

  test("a cluster that is not there is refused at the attribute", async () => {
    const output = await workspace.applyFails(domain().replace(CLUSTER, "nowhere.test"));
    assert.match(output, /\d+: +target_cluster = "nowhere\.test"/);
  });

  test("a domain that is gone is planned anew, and destroying it succeeds", async () => {
    const { server } = workspace;
    await workspace.apply(domain());
    server.domains.clear();
    assert.match((await workspace.plan()).output, /will be created/);
    const { code, output } = await workspace.run("destroy", "-refresh=false", "-auto-approve", "-no-color");
    assert.equal(code, 0, output);
  });
});
