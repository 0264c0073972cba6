import assert from "node:assert/strict";
import type { Server } from "node:http";
import { freePort } from "../../scripts/stack/free-port.ts";
import { httpsGet } from "../../scripts/stack/https-get.ts";
import { startSampleService } from "../../scripts/stack/sample-service.ts";
import { requestLoop } from "../support/request-loop.ts";
import { Stack } from "../support/stack.ts";
import { TerraformWorkspace } from "../support/terraform-workspace.ts";

suite("terraform through server, proxy, tunnel and agent", function () {
  this.timeout(300_000);
  const stack = new Stack();
  const backends: Server[] = [];
  let workspace: TerraformWorkspace;
  let webPort = 0;
  let apiPort = 0;

  suiteSetup(async () => {
    await stack.start();
    webPort = await freePort("tcp");
    apiPort = await freePort("tcp");
    backends.push(await startSampleService("web", webPort), await startSampleService("api", apiPort));
    workspace = new TerraformWorkspace(stack.folder, {
      NB_MANAGEMENT_URL: stack.managementUrl,
      NB_PAT: stack.api.token!,
    });
    workspace.write(configuration());
    await workspace.ok("init");
  });

  suiteTeardown(async () => {
    await stack.stop();
    for (const backend of backends) {
      backend.closeAllConnections();
      backend.close();
    }
  });

  interface Variation {
    apiPath?: string;
    webTarget?: number;
    enabled?: boolean;
    extra?: string;
  }

  function configuration({
    apiPath = "/api",
    webTarget = webPort,
    enabled = true,
    extra = "",
  }: Variation = {}): string {
    return `
data "netbird_peer" "web" {
  name = "${stack.peerName}"
}

resource "netbird_proxy_service" "shop" {
  name    = "shop"
  domain  = "shop.${stack.domain}"
  public  = true
  enabled = ${enabled}

  targets = {
    "/"         = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${webTarget} }
    "${apiPath}" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${apiPort} }
  }
}

output "status" { value = netbird_proxy_service.shop.status }
output "url" { value = netbird_proxy_service.shop.url }
${extra}`;
  }

  const ask = (path: string) =>
    httpsGet(stack.url(`shop.${stack.domain}`, path), { ca: stack.ca.certificate });
  const answerOf = async (path: string) => {
    const answer = await ask(path);
    return answer.status === 200 ? (JSON.parse(answer.body) as { service: string }).service : answer.status;
  };

  test("create waits until the service is live, and the next plan is empty", async () => {
    await workspace.apply();
    // No waiting here: what apply reports is live.
    assert.equal(await answerOf("/"), "web");
    assert.equal(await answerOf("/api/x"), "api");
    assert.deepEqual(await workspace.outputs(), {
      status: "active",
      url: `https://shop.${stack.domain}:${stack.httpsPort}`,
    });
    await workspace.assertEmptyPlan();
  });

  test("a changed path shows exactly that change and is live after apply", async () => {
    workspace.write(configuration({ apiPath: "/v2" }));
    const changes = await workspace.plannedChanges();
    assert.deepEqual(
      changes.map(({ address, actions }) => [address, actions]),
      [["netbird_proxy_service.shop", ["update"]]],
    );
    assert.deepEqual(Object.keys(changes[0]!.before!.targets as object).sort(), ["/", "/api"]);
    assert.deepEqual(Object.keys(changes[0]!.after!.targets as object).sort(), ["/", "/v2"]);
    assert.deepEqual(
      (changes[0]!.before!.targets as Record<string, unknown>)["/"],
      (changes[0]!.after!.targets as Record<string, unknown>)["/"],
    );
    await workspace.apply();
    assert.equal(await answerOf("/v2/x"), "api");
    assert.equal(await answerOf("/api/x"), "web");
    await workspace.assertEmptyPlan();
  });

  test("a changed target is live after apply", async () => {
    workspace.write(configuration({ webTarget: apiPort }));
    await workspace.apply();
    assert.equal(await answerOf("/"), "api");
    workspace.write(configuration());
    await workspace.apply();
    assert.equal(await answerOf("/"), "web");
    await workspace.assertEmptyPlan();
  });

  test("a disabled service answers 404, and enabling it brings it back", async () => {
    workspace.write(configuration({ enabled: false }));
    await workspace.apply();
    assert.equal(await answerOf("/"), 404);
    await workspace.assertEmptyPlan();
    workspace.write(configuration());
    await workspace.apply();
    assert.equal(await answerOf("/"), "web");
  });

  test("what somebody changed behind terraform's back is shown and put right", async () => {
    const [service] = (await stack.api.call("GET", "/reverse-proxies/services")) as { id: string }[];
    await stack.api.call("PUT", `/reverse-proxies/services/${service!.id}`, {
      name: "shop",
      domain: `shop.${stack.domain}`,
      mode: "http",
      enabled: true,
      pass_host_header: true,
      targets: [stack.peerTarget(apiPort)],
    });
    const changes = await workspace.plannedChanges();
    assert.deepEqual(changes[0]?.actions, ["update"]);
    assert.equal(changes[0]!.before!.pass_host_header, true);
    assert.equal(changes[0]!.after!.pass_host_header, false);
    await workspace.apply();
    assert.equal(await answerOf("/"), "web");
    assert.equal(await answerOf("/api"), "api");
    await workspace.assertEmptyPlan();
  });

  for (const [what, id] of [
    [
      "id",
      async () => ((await stack.api.call("GET", "/reverse-proxies/services")) as { id: string }[])[0]!.id,
    ],
    ["domain", async () => `shop.${stack.domain}`],
  ] as const) {
    test(`import by ${what} needs no change afterwards`, async () => {
      const importId = await id();
      await workspace.ok("state", "rm", "netbird_proxy_service.shop");
      await workspace.ok("import", "netbird_proxy_service.shop", importId);
      await workspace.assertEmptyPlan();
    });
  }

  test("a domain that is taken fails the plan and names the attribute", async () => {
    const taken = await stack.createService({
      name: "made by hand",
      domain: `taken.${stack.domain}`,
      public: true,
      targets: [stack.peerTarget(webPort)],
    });
    workspace.write(
      configuration({
        extra: `
resource "netbird_proxy_service" "second" {
  name    = "second"
  domain  = "taken.${stack.domain}"
  public  = true
  targets = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${webPort} } }
}`,
      }),
    );
    const output = await workspace.fails("plan");
    assert.match(output, /already/);
    assert.match(output, /domain\s+= "taken\./);
    await stack.api.call("DELETE", `/reverse-proxies/services/${taken.id}`);
    workspace.write(configuration());
  });

  test("a target that does not exist fails the plan", async () => {
    workspace.write(
      configuration({
        extra: `
resource "netbird_proxy_service" "second" {
  name    = "second"
  domain  = "second.${stack.domain}"
  public  = true
  targets = { "/" = { target_type = "peer", target_id = "d2k0peer00000000000a", port = ${webPort} } }
}`,
      }),
    );
    const output = await workspace.fails("plan");
    assert.match(output, /d2k0peer00000000000a/);
    workspace.write(configuration());
  });

  test("a service that cannot become live fails with the typed reason and stays in the state", async () => {
    const closed = await freePort("tcp");
    workspace.write(
      configuration({
        extra: `
resource "netbird_proxy_service" "broken" {
  name     = "broken"
  domain   = "broken.${stack.domain}"
  public   = true
  timeouts = { create = "5s" }
  targets  = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${closed} } }
}`,
      }),
    );
    const output = await workspace.fails("apply", "-auto-approve");
    assert.match(output, /target\.refused/);
    assert.match(workspace.stateText(), /"broken\./);
    workspace.write(configuration());
    await workspace.apply();
  });

  test("group, setup key and custom domain come and go with the configuration", async () => {
    workspace.write(
      configuration({
        extra: `
resource "netbird_group" "staff" {
  name  = "staff"
  peers = [data.netbird_peer.web.id]
}
resource "netbird_setup_key" "ci" {
  name           = "ci"
  type           = "one-off"
  expiry_seconds = 86400
  auto_groups    = [netbird_group.staff.id]
}
resource "netbird_custom_domain" "apps" {
  domain         = "apps.example.test"
  target_cluster = "${stack.domain}"
}`,
      }),
    );
    await workspace.apply();
    await workspace.assertEmptyPlan();
    workspace.write(configuration());
    const changes = await workspace.plannedChanges();
    assert.deepEqual(changes.map(({ address, actions }) => [address, ...actions]).sort(), [
      ["netbird_custom_domain.apps", "delete"],
      ["netbird_group.staff", "delete"],
      ["netbird_setup_key.ci", "delete"],
    ]);
    await workspace.apply();
  });

  test("50 applies that change other services and unrelated settings fail no request", async () => {
    workspace.write(configuration());
    await workspace.apply();
    const requests = requestLoop({
      url: stack.url(`shop.${stack.domain}`),
      ca: stack.ca.certificate,
      perSecond: 220,
      expect: '"service":"web"',
    });
    for (let round = 0; round < 50; round += 1) {
      // Services a and b come, change and go in turns; the one under load gets another setting every fifth time.
      const others = ["a", "b"].filter((_, index) => (round + index) % 3 !== 0);
      const extra = others.map(
        (name) => `
resource "netbird_proxy_service" "${name}" {
  name              = "${name} ${round}"
  domain            = "${name}.${stack.domain}"
  public            = true
  rewrite_redirects = ${round % 2 === 0}
  targets = { "/round-${round % 4}" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${apiPort} } }
}`,
      );
      const changed = configuration({ extra: extra.join("\n") }).replace(
        'name    = "shop"',
        `name = "shop"\n  rewrite_redirects = ${Math.floor(round / 5) % 2 === 1}`,
      );
      workspace.write(changed);
      await workspace.ok("apply", "-auto-approve", "-refresh=false");
    }
    const result = await requests.stop();
    assert.deepEqual(result.failures, []);
    assert.ok(result.rate >= 200, `only ${result.rate.toFixed(0)} requests a second were sent`);
    workspace.write(configuration());
    await workspace.apply();
  });

  test("destroy waits until the proxies let go", async () => {
    await workspace.ok("destroy", "-auto-approve");
    assert.equal(await answerOf("/"), 404);
    assert.deepEqual(await stack.api.call("GET", "/reverse-proxies/services"), []);
  });
});
