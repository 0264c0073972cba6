import assert from "node:assert/strict";
import type { RestServer } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("two people who apply at once", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  /** What arrived, as `METHOD path`. */
  const requests: string[] = [];
  setup(async () => {
    real = await openRealServer([], {
      onRequest: ({ method, url }) => {
        requests.push(`${method} ${url.replace(/[a-z0-9]{20}/, "*")}`);
        return undefined;
      },
    });
    ({ rest, workspace } = real);
  });
  teardown(() => real.close());

  const hcl = (text: string) => `resource "netbird_network" "office" {
    name        = "office"
    description = "${text}"
  }`;
  const change = async (description: string) => {
    const [network] = (await rest.call("GET", "/networks")).body;
    await rest.call("PUT", `/networks/${network.id}`, { name: "office", description });
  };
  const planned = async (...args: string[]) => {
    const { code, output } = await workspace.run("plan", "-out=plan", "-input=false", "-no-color", ...args);
    assert.equal(code, 0, output);
  };
  const applyPlan = () => workspace.run("apply", "-input=false", "-no-color", "plan");

  for (const [name, destroy] of [
    ["a change", false],
    ["a deletion", true],
  ] as const)
    test(`${name} of what somebody else changed is refused, and nothing of theirs is lost`, async () => {
      await workspace.apply(hcl("first"));
      workspace.configure(hcl("second"));
      await planned(...(destroy ? ["-destroy"] : []));
      await change("somebody else's");
      const { code, output } = await applyPlan();
      assert.equal(code, 1, output);
      assert.match(output, /Changed by somebody else since it was planned/);
      assert.equal((await rest.call("GET", "/networks")).body[0].description, "somebody else's");
    });

  test("what nobody else touched is changed and deleted without reading it first", async () => {
    await workspace.apply(hcl("first"));
    workspace.configure(hcl("second"));
    await planned();
    requests.length = 0;
    assert.equal((await applyPlan()).code, 0);
    assert.deepEqual(
      requests.filter((line) => !line.includes("dry_run") && !line.includes("/instance")),
      ["PUT /api/networks/*"],
    );
    await planned("-destroy");
    requests.length = 0;
    assert.equal((await applyPlan()).code, 0);
    assert.deepEqual(requests, ["DELETE /api/networks/*"]);
  });

  test("a change that the plan took over does not stand in the way of the next one", async () => {
    await workspace.apply(hcl("first"));
    await change("somebody else's");
    await workspace.apply(hcl("second"));
    assert.equal((await rest.call("GET", "/networks")).body[0].description, "second");
    await change("once more");
    await workspace.destroy();
    assert.deepEqual((await rest.call("GET", "/networks")).body, []);
  });
});
