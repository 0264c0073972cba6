import assert from "node:assert/strict";
import { CLUSTER, type RestServer } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("two people who apply at once", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  /** What arrived, as `METHOD path`. */
  const requests: string[] = [];
  /** So many answers to a PUT are lost. */
  let losing = 0;
  let web = "";
  setup(async () => {
    losing = 0;
    real = await openRealServer([CLUSTER], {
      losesAnswer: ({ method, url }) =>
        method === "PUT" && !url.includes("dry_run") && losing > 0 && losing-- > 0,
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

  for (const [type, hclOf, path] of [
    ["network", hcl, "/networks"],
    ["group", (text: string) => `resource "netbird_group" "g" { name = "g ${text}" }`, "/groups"],
    [
      "proxy_service",
      (text: string) => `resource "netbird_proxy_service" "s" {
        name          = "s ${text}"
        domain        = "s.${CLUSTER}"
        public        = true
        wait_for_live = false
        targets       = { "/" = { target_type = "peer", target_id = "${web}", port = 80 } }
      }`,
      "/reverse-proxies/services",
    ],
  ] as const)
    test(`${type}: a change whose answer is lost is sent again, and does not take itself for somebody else`, async () => {
      web = (await rest.call("POST", "/peers", { name: "web" })).body.id;
      await workspace.apply(hclOf("first"));
      workspace.configure(hclOf("second"));
      await planned();
      losing = 1;
      const { code, output } = await applyPlan();
      assert.equal(code, 0, output);
      assert.equal(losing, 0, "the answer was lost");
      const found = (await rest.call("GET", path)).body as { name: string; description?: string }[];
      assert.ok(found.some(({ name, description }) => /second/.test(description || name)));
      await workspace.assertEmptyPlan();
    });
});
