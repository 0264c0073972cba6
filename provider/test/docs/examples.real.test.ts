import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { examplesFolder } from "../../src/docs/pages.ts";
import { onRealServer } from "../support/examples.ts";
import { CLUSTER, TOKEN } from "../support/management-server.ts";
import { TerraformWorkspace } from "../support/terraform.ts";

suite("every example is applied, planned empty and destroyed", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  async function works(hcl: string): Promise<void> {
    // The workspace brings its own requirements block.
    await workspace.apply(hcl.replace(/terraform \{[\s\S]*?\n\}\n/, ""));
    await workspace.assertEmptyPlan();
    await workspace.destroy();
  }

  for (const folder of ["resources", "data-sources", "ephemeral-resources", "functions"]) {
    for (const file of readdirSync(join(examplesFolder, folder)).filter(
      (name) => name.endsWith(".tf") && !onRealServer.includes(`${folder}/${name}`),
    )) {
      test(`${folder}/${file}`, () => works(readFileSync(join(examplesFolder, folder, file), "utf8")));
    }
  }

  test("provider.tf", async () => {
    const hcl = readFileSync(join(examplesFolder, "provider.tf"), "utf8");
    const given = hcl
      .replace("  type = string\n", `  type    = string\n  default = "${workspace.server.url}"\n`)
      .replace("  sensitive = true\n", `  sensitive = true\n  default   = "${TOKEN}"\n`);
    await works(`${given}\ndata "netbird_peers" "all" {}`);
  });

  test("the quickstart", async () => {
    workspace.server.addPeer("quickstart-agent", "100.64.0.77");
    const hcl = readFileSync(join(examplesFolder, "..", "quickstart", "main.tf"), "utf8");
    await works(hcl.replace("proxy.localhost", CLUSTER));
    assert.ok(workspace.server.seen(/^POST \/reverse-proxies\/services$/).length === 1);
  });
});
