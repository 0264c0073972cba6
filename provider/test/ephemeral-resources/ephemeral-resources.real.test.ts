import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RestServer } from "../../../server/test/support/rest-server.ts";
import { CLUSTER } from "../support/management-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import { TerraformWorkspace } from "../support/terraform.ts";

suite("ephemeral resources in memory", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  /** A service that takes the key as its password. */
  const consumer = (settings: string, version = 1) => `
    ephemeral "netbird_setup_key" "x" {
      name = "x"
      ${settings}
    }
    resource "netbird_proxy_service" "shop" {
      name    = "shop"
      domain  = "shop.${CLUSTER}"
      targets = { "/" = { target_type = "peer", target_id = "${workspace.server.peerId("web")}", port = 1 } }
      auth    = { password = { value_wo = ephemeral.netbird_setup_key.x.key, version = ${version} } }
    }`;
  const madeKeys = () =>
    workspace.server.requests
      .filter(({ method, path }) => method === "POST" && path.endsWith("/setup-keys"))
      .map(({ body }) => body!);

  test("a key is made for the walk, reaches a write-only argument and nothing else, and is deleted", async () => {
    const { server } = workspace;
    await workspace.apply(consumer(""));
    assert.equal(server.setupKeys.size, 0, "the key is still there");
    // Once for the plan and once for the apply.
    assert.equal(madeKeys().length, 2);
    assert.deepEqual(
      [madeKeys()[0]!.type, madeKeys()[0]!.expires_in, madeKeys()[0]!.usage_limit],
      ["one-off", 3600, 1],
    );
    const [secrets] = [...server.secrets.values()];
    const key = JSON.stringify(secrets).match(/[0-9A-F]{8}-[0-9A-F-]{27}/i)?.[0];
    assert.ok(key, JSON.stringify(secrets));
    const state = readFileSync(join(workspace.folder, "terraform.tfstate"), "utf8");
    assert.ok(!state.includes(key));
    assert.ok(workspace.logLines.every((line) => !line.includes(key)));
    await workspace.assertEmptyPlan();
  });

  test("a key that is kept stays until it ends", async () => {
    await workspace.apply(consumer("keep = true"));
    assert.equal(workspace.server.setupKeys.size, 2);
  });

  test("Terraform closes nothing when a walk fails; the next one takes the key back", async () => {
    workspace.server.fault("POST", /^\/reverse-proxies\/services/, { status: 422, times: 10 });
    await workspace.applyFails(consumer(""));
    assert.equal(workspace.server.setupKeys.size, 1);
    await workspace.apply(`data "netbird_peers" "all" {}`);
    assert.equal(workspace.server.setupKeys.size, 0);
  });

  test("a key that is gone already is closed without a word", async () => {
    workspace.server.fault("DELETE", /^\/setup-keys/, { status: 404, times: 10 });
    const output = await workspace.apply(consumer(""));
    assert.doesNotMatch(output, /Error|Warning/);
  });

  test("a key that cannot be deleted is reported", async () => {
    workspace.server.fault("DELETE", /^\/setup-keys/, { status: 403, times: 10 });
    workspace.configure(consumer(""));
    const { failed, output } = await workspace.plan();
    assert.ok(failed, output);
    assert.match(output, /Not allowed to close ephemeral netbird_setup_key/);
  });

  test("a key that ends before Terraform does is announced", async () => {
    workspace.server.writeDelayMs = 2_000;
    const output = await workspace.apply(consumer("expiry_seconds = 4"));
    assert.match(output, /Renewal complete/);
    assert.ok(workspace.logLines.some((line) => line.includes("the setup key is about to end")));
  });

  test("what does not fit is refused while validating", async () => {
    const { failed, output } = await workspace.plan(consumer("usage_limit = 3"));
    assert.ok(failed);
    assert.match(output, /usage_limit = 3[\s\S]*A one-off key is used once/);
  });
});

suite("ephemeral resources against the real server", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  setup(async () => {
    real = await openRealServer(["proxy.example.test"]);
    ({ rest, workspace } = real);
  });
  teardown(() => real.close());

  test("each is made and taken away again, and tells its secret", async () => {
    const made = (secret: string) => `
      resource "netbird_user" "ci" {
        name            = "ci"
        role            = "auditor"
        is_service_user = true
      }
      ephemeral "netbird_token" "x" {
        user_id = netbird_user.ci.id
        name    = "x"
      }
      ephemeral "netbird_proxy_token" "x" { name = "x" }
      ephemeral "netbird_setup_key" "x" { name = "x" }
      resource "netbird_dns_credentials" "x" {
        domain  = "proxy.example.test"
        webhook = {
          url         = "https://${secret.replaceAll("_", "-")}.example.com"
          username    = "u"
          password_wo = ephemeral.netbird_${secret}.x.${secret === "setup_key" ? "key" : "token"}
        }
      }`;
    for (const secret of ["token", "proxy_token", "setup_key"]) {
      await workspace.apply(made(secret));
      await workspace.assertEmptyPlan();
    }
    const user = (await workspace.state("netbird_user.ci"))!.id;
    assert.deepEqual((await rest.call("GET", `/users/${user}/tokens`)).body ?? [], []);
    assert.deepEqual((await rest.call("GET", "/setup-keys")).body ?? [], []);
    const { body: tokens } = await rest.call("GET", "/reverse-proxies/proxy-tokens");
    assert.ok(tokens.length > 0);
    assert.ok(tokens.every(({ revoked }: { revoked: boolean }) => revoked));
    const { body: events } = await rest.call("GET", "/events/audit");
    const codes = events.map(({ activity_code: code }: { activity_code: string }) => code);
    assert.ok(codes.includes("setupkey.delete"), codes.join());
  });
});
