import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { settablePaths } from "../support/attribute-paths.ts";
import { deleteEverything } from "../support/delete-everything.ts";
import { oneOfEach, writePair } from "../support/one-of-each.ts";
import { changedPaths, plannedChanges } from "../support/planned-changes.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";
import { THIRTY_OF_EACH } from "../support/thirty-of-each.ts";

const { resources } = netbirdProvider(readEnvironment({}));
const typeNames = resources.map(({ typeName }) => typeName).sort();
/** The account cannot be deleted, and who manages it does not own it. */
const outliveTerraform = new Set(["netbird_account_settings"]);

/** Those that name another object. */
const dependent = new Set([
  "netbird_dns_credentials",
  "netbird_network_resource",
  "netbird_network_router",
  "netbird_policy",
  "netbird_proxy_service",
  "netbird_proxy_service_target",
  "netbird_proxy_service_token",
  "netbird_proxy_share_link",
  "netbird_reverse_proxy_service",
  "netbird_token",
]);

/** Those below a service, which cannot be read where it cannot. */
const ofService = new Set([
  "netbird_proxy_service_target",
  "netbird_proxy_service_token",
  "netbird_proxy_share_link",
]);

for (const shipped of [false, true])
  suite(`one of every resource, ${shipped ? "shipped, from a filesystem mirror" : "reattached"}`, function () {
    this.timeout(120_000);
    let real: RealServer;
    let workspace: TerraformWorkspace;
    let hcl: string;
    /** Decides about requests; set by a test. */
    let intercept: (method: string, path: string) => number | undefined | Promise<undefined>;

    setup(async () => {
      intercept = () => undefined;
      real = await openRealServer(undefined, {
        shipped,
        onRequest: ({ method, url }) => intercept(method, url),
      });
      workspace = real.workspace;
      await writePair(workspace.folder);
      // No retries: what fails is meant to.
      hcl = `provider "netbird" {\n  max_retries = 0\n}\n${oneOfEach(await real.make("/peers", { name: "web" }))}`;
    });
    teardown(() => real.close());

    const managed = async () =>
      (await workspace.run("state", "list")).output
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.replace(".this", ""))
        .sort();
    const isWrite = (method: string, path: string) => method !== "GET" && !path.includes("dry_run=true");

    test("is created and plans empty; deleted outside it is planned anew, and destroying it succeeds", async () => {
      await workspace.apply(hcl);
      assert.deepEqual(await managed(), typeNames);
      await workspace.assertEmptyPlan();

      await deleteEverything(real);
      const { output } = await workspace.plan();
      for (const typeName of typeNames)
        if (!outliveTerraform.has(typeName) && typeName !== "netbird_peer")
          assert.match(output, new RegExp(`# ${typeName}\\.this will be created`), output);
      const gone = await workspace.run(
        "destroy",
        "-refresh=false",
        "-auto-approve",
        "-input=false",
        "-no-color",
      );
      assert.equal(gone.code, 0, gone.output);
      assert.deepEqual(await managed(), []);
    });

    test("imported by its id it is adopted as it is found", async () => {
      await workspace.apply(hcl);
      const states = await workspace.states();
      const imports = resources.map(({ typeName, identity }) => {
        const state = states.get(`${typeName}.this`)!;
        const id = identity!.attributes.map((name) => state[name]).join("/");
        return `import {\n  to = ${typeName}.this\n  id = "${id}"\n}`;
      });
      rmSync(join(workspace.folder, "terraform.tfstate"));
      workspace.configure(`${hcl}\n${imports.join("\n")}`);
      const planned = await plannedChanges(workspace);
      assert.deepEqual(planned.map(({ type }) => type).sort(), typeNames);
      for (const change of planned) {
        const { attributes } = resources.find(({ typeName }) => typeName === change.type)!.schema;
        const adopted = changedPaths(attributes, change).map((path) => path.split(" ")[0]!);
        // What the API does not tell is taken over from the configuration; all else is as it was found.
        const untold = settablePaths(attributes).filter(({ attribute }) => attribute.clientOnly);
        for (const path of adopted)
          assert.ok(
            untold.some((one) => path === one.path || path.startsWith(`${one.path}.`)),
            `${change.type}.${path}`,
          );
        assert.deepEqual(change.actions, [adopted.length === 0 ? "no-op" : "update"], change.type);
      }
      await workspace.apply();
      workspace.configure(hcl);
      await workspace.assertEmptyPlan();
    });

    /** What refers to something that cannot be read is not read by terraform at all, so each has its turn. */
    const turns: [paths: RegExp, types: string[]][] = [
      [/^\/api\/(?!instance)/, typeNames.filter((typeName) => !dependent.has(typeName))],
      [
        /\/dns-credentials|\/networks\/[^/]+\/|\/policies|\/reverse-proxies\/services(\/[^/]+)?$|\/users\/.+\/tokens/,
        [...dependent].filter((typeName) => !ofService.has(typeName)),
      ],
      [/\/services\/[^/]+\/(targets|tokens|share-links)/, [...ofService]],
    ];

    for (const status of [401, 403, 500])
      test(`a read that is answered ${status} is an error of each, and never reads as gone`, async () => {
        await workspace.apply(hcl);
        for (const [paths, types] of turns) {
          intercept = (method, path) => (method === "GET" && paths.test(path) ? status : undefined);
          const { failed, output } = await workspace.plan();
          assert.ok(failed, output);
          for (const typeName of types)
            assert.match(output, new RegExp(`\\(read ${typeName}\\)|with ${typeName}\\.this`), output);
          assert.doesNotMatch(output, /will be created/);
        }
        intercept = () => undefined;
        assert.deepEqual(await managed(), typeNames);
        await workspace.assertEmptyPlan();
      });

    for (const status of [403, 500])
      test(`a deletion that is answered ${status} keeps the object in the state`, async () => {
        await workspace.apply(hcl);
        intercept = (method) => (method === "DELETE" ? status : undefined);
        const { code, output } = await workspace.run("destroy", "-auto-approve", "-input=false", "-no-color");
        assert.equal(code, 1, output);
        intercept = () => undefined;
        const left = await managed();
        for (const typeName of ["netbird_network_router", "netbird_certificate", "netbird_policy"])
          assert.ok(left.includes(typeName), `${typeName} is lost`);
        await workspace.destroy();
        assert.deepEqual(await managed(), []);
      });

    test("a creation that is refused leaves nothing in the state, and the next apply makes everything", async () => {
      intercept = (method, path) => (isWrite(method, path) ? 403 : undefined);
      await workspace.applyFails(hcl);
      // A peer that is as configured is adopted without a write.
      assert.deepEqual(await managed(), ["netbird_peer"]);
      intercept = () => undefined;
      await workspace.apply();
      assert.deepEqual(await managed(), typeNames);
    });

    test("an interrupt in the middle of creations loses none of them", async () => {
      let arrived = 0;
      let release = () => {};
      const released = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
      intercept = (method, path) => {
        if (!isWrite(method, path)) return undefined;
        arrived += 1;
        return released;
      };
      workspace.configure(hcl);
      const command = workspace.start("apply", "-auto-approve", "-input=false", "-no-color");
      // As many as terraform has under way at once.
      while (arrived < 10) await new Promise((resolve) => setTimeout(resolve, 20));
      command.interrupt();
      // The provider has been told to stop when the second half of this has passed through it.
      await new Promise((resolve) => setTimeout(resolve, 300));
      release();
      const { code, output } = await command.finished;
      assert.equal(code, 1, output);
      const written = (await managed()).filter((typeName) => typeName !== "netbird_peer");
      assert.equal(written.length, arrived, output);
      intercept = () => undefined;
      await workspace.apply();
      assert.deepEqual(await managed(), typeNames);
    });

    test("thirty of each that can be many, side by side", async function () {
      this.timeout(300_000);
      workspace.configure(THIRTY_OF_EACH);
      const { code, output } = await workspace.run(
        "apply",
        "-parallelism=30",
        "-auto-approve",
        "-input=false",
        "-no-color",
      );
      assert.equal(code, 0, output);
      // One account there is, and peers join by themselves.
      const single = new Set(["netbird_account_settings", "netbird_peer"]);
      assert.deepEqual(
        (await managed()).map((address) => address.replace(/\.n\[\d+\]/, "")),
        typeNames.filter((name) => !single.has(name)).flatMap((name) => Array<string>(30).fill(name)),
      );
      await workspace.run("apply", "-refresh-only", "-auto-approve", "-input=false", "-no-color");
      await workspace.assertEmptyPlan();
      await workspace.destroy();
    });
  });
