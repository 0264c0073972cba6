import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { freePort } from "../../scripts/stack/free-port.ts";
import { httpsGet } from "../../scripts/stack/https-get.ts";
import { repository } from "../../scripts/stack/programs.ts";
import { startSampleService } from "../../scripts/stack/sample-service.ts";
import { installProvider } from "../../scripts/stack/terraform.ts";
import { CdkProject } from "../support/cdk-project.ts";
import { Stack } from "../support/stack.ts";

for (const flavour of ["cdktf", "cdktn"] as const)
  suite(`the ${flavour} example, with the real ${flavour}, through server, proxy, tunnel and agent`, function () {
    // cdktf brings 450 MB in 480 packages, cdktn half of that.
    this.timeout(300_000);
    const stack = new Stack();
    const backends: Server[] = [];
    let project: CdkProject;
    let shopPort = 0;
    let apiPort = 0;

    suiteSetup(async () => {
      project = new CdkProject(flavour, stack.folder);
      await Promise.all([stack.start(), project.install()]);
      project.env = {
        TF_CLI_CONFIG_FILE: installProvider(stack.folder),
        NB_MANAGEMENT_URL: stack.managementUrl,
        NB_PAT: stack.api.token!,
        PROXY_CLUSTER: stack.domain,
        CUSTOM_DOMAIN: "apps.example.test",
        PEER: stack.peerName,
      };
      shopPort = await freePort("tcp");
      apiPort = await freePort("tcp");
      backends.push(await startSampleService("shop", shopPort), await startSampleService("api", apiPort));
      await project.script("get");
    });

    suiteTeardown(async () => {
      await stack.stop();
      for (const backend of backends) {
        backend.closeAllConnections();
        backend.close();
      }
    });

    const answerOf = async (name: string, path = "/") => {
      const answer = await httpsGet(stack.url(`${name}.${stack.domain}`, path), { ca: stack.ca.certificate });
      return answer.status === 200 ? (JSON.parse(answer.body) as { service: string }).service : answer.status;
    };

    /** The list of the example with ports that somebody answers at. */
    function publish(...extra: string[]): void {
      const list = [
        `{ name: "shop", port: ${shopPort}, paths: { "/api": ${apiPort} }, visitors: "everyone" }`,
        `{ name: "wiki", port: ${apiPort}, visitors: { groups: ["staff"] } }`,
        // The peer's own loopback is as good a network behind it as any other.
        `{ name: "printer", port: ${apiPort}, at: "127.0.0.1", visitors: { networks: ["127.0.0.0/8"] } }`,
        `{ name: "status", port: ${shopPort}, visitors: "everyone", customDomain: true }`,
        ...extra,
      ];
      project.write(
        "services.ts",
        `import type { Published } from "./published-services";\nexport const services: Published[] = [\n${list.join(",\n")}\n];\n`,
      );
    }

    test("its types and its own tests are right about the generated bindings", async () => {
      for (const name of ["proxy-service", "custom-domain", "data-netbird-peer", "wireguard-peer"])
        assert.ok(existsSync(join(project.folder, ".gen", "providers", "netbird", name, "index.ts")), name);
      await project.script("check");
      const output = await project.script("test");
      assert.match(output, /^# pass 7$/m);
      assert.match(output, /^# fail 0$/m);
      assert.match(output, /^# skipped 0$/m);
    });

    test("a misspelled attribute is an error of the compiler", async () => {
      publish(`{ name: "shop2", prot: 1, visitors: "everyone" }`);
      const { code, output } = await project.runScript("check");
      assert.equal(code, 2, output);
      assert.match(output, /services\.ts.*'prot' does not exist in type 'Published'/);
    });

    test("synth writes what terraform reads", async () => {
      publish();
      await project.script("synth");
      const written = JSON.parse(
        readFileSync(join(project.folder, "cdktf.out/stacks/published-services/cdk.tf.json"), "utf8"),
      );
      assert.deepEqual(Object.keys(written.resource.netbird_proxy_service).sort(), [
        "service-printer",
        "service-shop",
        "service-status",
        "service-wiki",
      ]);
    });

    test("deploy does what diff announced, and what it did is live", async () => {
      assert.match(await project.script("diff"), /Plan: 9 to add, 0 to change, 0 to destroy/);
      assert.deepEqual(await stack.api.call("GET", "/reverse-proxies/services"), []);

      const output = await project.script("deploy", "--auto-approve");
      assert.match(output, new RegExp(`url-shop = "?https://shop\\.${stack.domain}:${stack.httpsPort}`));
      // No waiting here: what deploy reports is live.
      assert.equal(await answerOf("shop"), "shop");
      assert.equal(await answerOf("shop", "/api/x"), "api");
      assert.equal(await answerOf("printer"), "api");
      assert.equal(await answerOf("wiki"), 401, "only for those of a group");
      const domains = await stack.api.call<{ domain: string }[]>("GET", "/reverse-proxies/domains");
      assert.ok(domains.some(({ domain }) => domain === "apps.example.test"));
    });

    test("diff shows nothing after a deploy, and one more line as one more service", async () => {
      assert.match(
        await project.script("diff"),
        /No changes\. Your infrastructure matches the configuration/,
      );
      publish(`{ name: "blog", port: ${shopPort}, visitors: "everyone" }`);
      assert.match(await project.script("diff"), /Plan: 1 to add, 0 to change, 0 to destroy/);
    });

    test("destroy leaves nothing behind", async () => {
      await project.script("destroy", "--auto-approve");
      assert.equal(await answerOf("shop"), 404);
      assert.deepEqual(await stack.api.call("GET", "/reverse-proxies/services"), []);
      assert.deepEqual(await stack.api.call("GET", "/networks"), []);
    });
  });

suite("the examples of the CDK", () => {
  test("differ in the library that they import, and in nothing else", () => {
    for (const file of ["main.ts", "published-services.ts", "published-services.test.ts", "services.ts"]) {
      const [cdktf, cdktn] = ["cdktf", "cdktn"].map((name) =>
        readFileSync(join(repository, "examples", name, file), "utf8"),
      );
      assert.equal(cdktn, cdktf!.replaceAll('from "cdktf"', 'from "cdktn"'), file);
    }
  });
});
