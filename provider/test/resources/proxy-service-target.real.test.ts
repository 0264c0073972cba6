import assert from "node:assert/strict";
import { CLUSTER, type RestServer } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("netbird_proxy_service_target", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  let peer: string;
  setup(async () => {
    real = await openRealServer();
    ({ rest, workspace } = real);
    const { body, status, text } = await rest.call("POST", "/peers", { name: "web" });
    assert.equal(status, 200, text);
    peer = body.id;
  });
  teardown(() => real.close());

  const service = (name = "shop") => `
    resource "netbird_proxy_service" "shop" {
      name          = "${name}"
      domain        = "shop.${CLUSTER}"
      targets       = { "/" = { target_type = "peer", target_id = "${peer}", port = 3000 } }
      public        = true
      wait_for_live = false
      lifecycle { ignore_changes = [targets] }
    }`;
  const target = (path: string, more = "", label = "api") => `
    resource "netbird_proxy_service_target" "${label}" {
      service_id    = netbird_proxy_service.shop.id
      path          = "${path}"
      target_type   = "peer"
      target_id     = "${peer}"
      port          = 8080
      wait_for_live = false
      ${more}
    }`;
  const paths = async () => {
    const { body } = await rest.call("GET", "/reverse-proxies/services");
    return body[0].targets.map((one: { path: string }) => one.path).sort();
  };

  test("lives beside the targets of the service, and survives a change of the service", async () => {
    await workspace.apply(service() + target("/api") + target("/docs", "", "docs"));
    await workspace.assertEmptyPlan();
    assert.deepEqual(await paths(), ["/", "/api", "/docs"]);
    await workspace.apply(service("renamed") + target("/api") + target("/docs", "", "docs"));
    await workspace.assertEmptyPlan();
    assert.deepEqual(await paths(), ["/", "/api", "/docs"]);
    await workspace.apply(service("renamed") + target("/api"));
    assert.deepEqual(await paths(), ["/", "/api"]);
  });

  test("is imported by path and by id, drift is repaired in place, and another path makes a new one", async () => {
    await workspace.apply(service() + target("/api", 'options = { request_timeout = "30s" }'));
    const { id, service_id: serviceId } = (await workspace.state("netbird_proxy_service_target.api"))!;
    for (const text of [`${serviceId}/path=/api`, `${serviceId}//api`, `${serviceId}/${id}`]) {
      await workspace.run("state", "rm", "netbird_proxy_service_target.api");
      const { code, output } = await workspace.import("netbird_proxy_service_target.api", text);
      assert.equal(code, 0, output);
      // Only what the provider itself keeps is taken over.
      await workspace.apply();
      await workspace.assertEmptyPlan();
    }
    const drifts = [
      { port: 1 },
      { enabled: false },
      { options: { request_timeout: "5s" } },
      { protocol: "https" },
    ];
    for (const drift of drifts) {
      const url = `/reverse-proxies/services/${serviceId}/targets/${id}`;
      const { status, text } = await rest.call("PATCH", url, drift);
      assert.equal(status, 200, text);
      const { output } = await workspace.plan();
      assert.match(output, /0 to add, 1 to change, 0 to destroy/, JSON.stringify(drift));
      await workspace.apply();
      await workspace.assertEmptyPlan();
    }
    const { output } = await workspace.plan(service() + target("/v2"));
    assert.match(output, /path.*forces replacement/);
  });

  test("a path that another target has is refused at the attribute, with the owner", async () => {
    await workspace.apply(service() + target("/api"));
    const output = await workspace.applyFails(service() + target("/api") + target("/api", "", "second"));
    assert.match(output, /\/api belongs to the target/);
    assert.match(output, /path += "\/api"/);
  });

  test("one that was deleted outside is planned anew, and deleting it again succeeds", async () => {
    await workspace.apply(service() + target("/api"));
    const { id, service_id: serviceId } = (await workspace.state("netbird_proxy_service_target.api"))!;
    await rest.call("DELETE", `/reverse-proxies/services/${serviceId}/targets/${id}`);
    const { output } = await workspace.plan();
    assert.match(output, /1 to add, 0 to change, 0 to destroy/);
    const destroyed = await workspace.run("destroy", "-auto-approve", "-input=false", "-refresh=false");
    assert.equal(destroyed.code, 0, destroyed.output);
  });

  test("an apply that waits says why the service is not live, and keeps the target", async () => {
    const waiting = target("/api").replace("wait_for_live = false", 'timeouts = { create = "1s" }');
    const output = await workspace.applyFails(service() + waiting);
    assert.match(output, /shop\.eu\.example\.net is not live/);
    assert.deepEqual(await paths(), ["/", "/api"]);
    assert.ok(await workspace.state("netbird_proxy_service_target.api"));
  });
});
