import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironment } from "../../src/config.ts";
import { schemasJson } from "../../src/framework/schema-json.ts";
import { netbirdProvider, providerAddress } from "../../src/netbird-provider.ts";
import { installArtefact } from "../support/artefact.ts";

suite("the schemas as JSON", () => {
  let folder: string;
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "netbird-schemas-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  test("are what the real terraform prints for the shipped provider", function () {
    this.timeout(60_000);
    const bin = join(folder, "bin");
    mkdirSync(bin);
    installArtefact(bin);
    writeFileSync(
      join(folder, "main.tf"),
      `terraform {\n  required_providers {\n    netbird = { source = "netbirdio/netbird" }\n  }\n}\n`,
    );
    const configuration = join(folder, "cli.tfrc");
    writeFileSync(
      configuration,
      `provider_installation {\n  dev_overrides {\n    "netbirdio/netbird" = "${bin}"\n  }\n}\n`,
    );
    const printed = execFileSync("terraform", ["providers", "schema", "-json"], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        TMPDIR: folder,
        TF_CLI_CONFIG_FILE: configuration,
        CHECKPOINT_DISABLE: "1",
      },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
    });
    const ours = schemasJson(netbirdProvider(readEnvironment({})), providerAddress);
    assert.deepEqual(JSON.parse(JSON.stringify(ours)), JSON.parse(printed));
    // Generated code must not differ only because somebody moved an attribute.
    const { resource_schemas } = ours.provider_schemas[providerAddress]!;
    const names = Object.keys(resource_schemas.netbird_proxy_service!.block.attributes!);
    assert.deepEqual(names, names.toSorted());
  });
});
