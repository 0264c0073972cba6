import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("secrets of certificates and DNS credentials", () => {
  let real: RealServer;
  let workspace: TerraformWorkspace;
  let authority: PemPair;
  suiteSetup(async () => {
    authority = await createAuthority("Test Root");
  });
  setup(async () => {
    real = await openRealServer();
    workspace = real.workspace;
  });
  teardown(() => real.close());

  const certificate = ({ certificate: chain, key }: PemPair, more: string) => {
    // As a file: Terraform shows the lines of a configuration that an error is about.
    writeFileSync(join(workspace.folder, "key.pem"), key);
    return `
      resource "netbird_certificate" "shop" {
        name              = "shop"
        certificate_chain = <<-PEM\n${chain}PEM
        private_key_wo    = file("key.pem")
        ${more}
      }`;
  };
  const credentials = (settings: string) => `
    resource "netbird_dns_credentials" "zone" {
      domain = "${CLUSTER}"
      ${settings}
    }`;
  const issue = () => issueCertificate(authority, [`shop.${CLUSTER}`]);

  test("none is in the state, the plan or the log", async () => {
    const pair = await issue();
    const password = "pw-of-the-webhook";
    workspace.configure(
      certificate(pair, "private_key_wo_version = 1") +
        credentials(
          `webhook = { url = "https://dns.example.com", username = "u", password_wo = "${password}", version = 1 }`,
        ),
    );
    const planned = await workspace.run("plan", "-input=false", "-no-color", "-out=planned");
    assert.equal(planned.code, 0, planned.output);
    const shown = await workspace.run("show", "-json", "planned");
    const applied = await workspace.run("apply", "-input=false", "-no-color", "planned");
    assert.equal(applied.code, 0, applied.output);
    await workspace.assertEmptyPlan();
    const state = readFileSync(join(workspace.folder, "terraform.tfstate"), "utf8");
    // The JSON of a plan repeats the configuration, which the user wrote; what is planned must not have it.
    const { planned_values: values, resource_changes: changes } = JSON.parse(shown.output);
    const everywhere = [
      state,
      JSON.stringify([values, changes]),
      planned.output,
      applied.output,
      ...workspace.logLines,
    ];
    for (const secret of [pair.key.split("\n")[1]!, password])
      for (const text of everywhere) assert.ok(!text.includes(secret), text.slice(0, 300));
  });

  test("a renewed certificate brings its key, a new name does not, and a new version does", async () => {
    const first = await issue();
    await workspace.apply(certificate(first, "private_key_wo_version = 1"));
    const before = await workspace.state("netbird_certificate.shop");
    const next = await issue();
    // The server refuses a certificate with the key of another, so this only works when both are sent.
    await workspace.apply(certificate(next, "private_key_wo_version = 1"));
    const after = await workspace.state("netbird_certificate.shop");
    assert.equal(after!.id, before!.id);
    assert.notEqual(after!.fingerprint, before!.fingerprint);
    await workspace.assertEmptyPlan();
    // With a key that does not fit: not sent until the version says so.
    const mixed = { certificate: next.certificate, key: first.key };
    const named = (version: number) =>
      certificate(mixed, `private_key_wo_version = ${version}`).replace('"shop"\n', '"store"\n');
    await workspace.apply(named(1));
    const output = await workspace.applyFails(named(2));
    assert.match(output, /private_key/);
    assert.ok(!output.includes(first.key.split("\n")[1]!));
  });

  test("a certificate without its key, with two keys, and with something else is refused while planning", async () => {
    const pair = await issue();
    const cases: [() => string, RegExp][] = [
      [() => certificate(pair, "").replace(/private_key_wo .*/, ""), /No key/],
      [() => certificate(pair, `private_key = file("key.pem")`), /Two answers to one question/],
      [() => certificate({ ...pair, key: "secret thing\n" }, ""), /Not a private key/],
      [() => certificate({ ...pair, certificate: "thing\n" }, ""), /Not a certificate/],
    ];
    for (const [hcl, message] of cases) {
      const { failed, output } = await workspace.plan(hcl());
      assert.ok(failed, output);
      assert.match(output, message);
      assert.doesNotMatch(output, /secret thing/);
    }
  });

  test("DNS credentials keep their secret until the place or the version changes", async () => {
    const webhook = (url: string, version: number, name = "u") =>
      credentials(
        `webhook = { url = "${url}", username = "${name}", password_wo = "p${version}", version = ${version} }`,
      );
    await workspace.apply(webhook("https://a.example.com", 1));
    // The server demands the secret for a new place: it must have been sent.
    await workspace.apply(webhook("https://b.example.com", 1));
    await workspace.apply(webhook("https://b.example.com", 2));
    await workspace.apply(
      `${webhook("https://b.example.com", 2).replace("domain =", "wildcard = true\ndomain =")}`,
    );
    await workspace.assertEmptyPlan();
    // Another way to write records is a change in place too.
    const { output } = await workspace.plan(
      credentials(
        `acme_dns = { server_url = "https://acme.example.com", username = "u", subdomain = "s", password = "p" }`,
      ),
    );
    assert.match(output, /0 to add, 1 to change/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("DNS credentials need exactly one way to write records", async () => {
    for (const settings of [
      "",
      `webhook = { url = "https://a.example.com" }
       acme_dns = { server_url = "https://a.example.com", username = "u", subdomain = "s", password = "p" }`,
    ]) {
      const { failed, output } = await workspace.plan(credentials(settings));
      assert.ok(failed, output);
      assert.match(output, /Exactly one way to write records is needed/);
    }
  });
});
