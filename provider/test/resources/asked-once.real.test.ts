import assert from "node:assert/strict";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

/** Terraform plans every object twice: for the plan, and once more right before it is applied. */
suite("what the plan has asked the server", () => {
  let real: RealServer;
  let workspace: TerraformWorkspace;
  const asked = { dryRuns: 0, writes: 0 };
  setup(async () => {
    real = await openRealServer([CLUSTER], {
      onRequest: ({ method, url }) => {
        if (url.includes("dry_run=true")) asked.dryRuns += 1;
        else if (method !== "GET") asked.writes += 1;
        return undefined;
      },
    });
    ({ workspace } = real);
  });
  teardown(() => real.close());

  /** Runs with one object at a time, so that it is certain which come after the first write. */
  const run = async (command: string, argument: string) => {
    Object.assign(asked, { dryRuns: 0, writes: 0 });
    return workspace.run(command, "-parallelism=1", "-input=false", "-no-color", argument);
  };
  const plan = async (hcl: string) => {
    workspace.configure(hcl);
    const { code, output } = await run("plan", "-out=plan");
    assert.equal(code, 0, output);
  };
  const groups = (name: string) => `resource "netbird_group" "g" {
    count = 3
    name  = "${name} \${count.index}"
  }`;

  test("is not asked again by the apply, once that has begun to write", async () => {
    await workspace.apply(groups("staff"));
    await plan(groups("crew"));
    assert.deepEqual(asked, { dryRuns: 3, writes: 0 });
    const { code, output } = await run("apply", "plan");
    assert.equal(code, 0, output);
    assert.deepEqual(asked, { dryRuns: 1, writes: 3 });
    await workspace.assertEmptyPlan();
  });

  test("is refused by the write where it went wrong since, at the attribute", async () => {
    await workspace.apply(groups("staff"));
    await plan(groups("crew"));
    for (const number of [0, 1, 2]) await real.make("/groups", { name: `crew ${number}` });
    const { code, output } = await run("apply", "plan");
    assert.equal(code, 1, output);
    const errors = output.split("Error: ").slice(1);
    assert.equal(errors.length, 3, output);
    for (const error of errors)
      assert.match(error, /^Conflict with another object \(update[\s\S]*name += "crew/);
    assert.equal((await real.rest.call("GET", "/groups?name=staff%201")).body.length, 1);
  });

  test("comes with every warning once, whether the second plan asked or the write told", async () => {
    const peer = await real.make("/peers", { name: "web" });
    for (const domain of ["a.example.org", "b.example.org"])
      await real.make("/reverse-proxies/domains", { domain, target_cluster: CLUSTER });
    const services = (port: number) => `resource "netbird_proxy_service" "s" {
      for_each      = toset(["a", "b"])
      name          = each.key
      domain        = "\${each.key}.example.org"
      targets       = { "/" = { target_type = "peer", target_id = "${peer}", port = ${port} } }
      public        = true
      wait_for_live = false
    }`;
    await workspace.apply(services(3000));
    await plan(services(4000));
    const { code, output } = await run("apply", "plan");
    assert.equal(code, 0, output);
    assert.deepEqual(asked, { dryRuns: 1, writes: 2 });
    for (const domain of ["a.example.org", "b.example.org"]) {
      const warnings = output.match(new RegExp(`Warning: .*${domain} is not validated`, "gi"));
      assert.equal(warnings?.length, 1, output);
    }
    await workspace.assertEmptyPlan();
  });
});
