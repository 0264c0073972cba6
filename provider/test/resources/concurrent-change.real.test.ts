import assert from "node:assert/strict";
import type { RestServer } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("two people who apply at once", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  setup(async () => {
    real = await openRealServer([]);
    ({ rest, workspace } = real);
  });
  teardown(() => real.close());

  test("the second one is refused, and nothing of the first is lost", async () => {
    const hcl = (text: string) => `resource "netbird_network" "office" {
      name        = "office"
      description = "${text}"
    }`;
    await workspace.apply(hcl("first"));
    workspace.configure(hcl("second"));
    const planned = await workspace.run("plan", "-out=plan", "-input=false", "-no-color");
    assert.equal(planned.code, 0, planned.output);
    const [network] = (await rest.call("GET", "/networks")).body;
    await rest.call("PUT", `/networks/${network.id}`, { name: "office", description: "somebody else's" });
    const { code, output } = await workspace.run("apply", "-input=false", "-no-color", "plan");
    assert.equal(code, 1, output);
    assert.match(output, /Changed by somebody else since it was planned/);
    assert.equal((await rest.call("GET", "/networks")).body[0].description, "somebody else's");
  });
});
