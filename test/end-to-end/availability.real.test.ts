import assert from "node:assert/strict";
import type { Server } from "node:http";
import { ApiError } from "../../scripts/stack/api.ts";
import { waitFor } from "../../scripts/stack/child.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { httpsGet } from "../../scripts/stack/https-get.ts";
import { startSampleService } from "../../scripts/stack/sample-service.ts";
import { requestLoop } from "../support/request-loop.ts";
import { type ServiceBody, Stack } from "../support/stack.ts";

suite("what keeps working while things change and break", function () {
  this.timeout(120_000);
  const stack = new Stack();
  const backends: Server[] = [];
  let port = 0;
  let otherPort = 0;
  let main: ServiceBody;

  suiteSetup(async () => {
    await stack.start();
    port = await freePort("tcp");
    otherPort = await freePort("tcp");
    backends.push(await startSampleService("main", port), await startSampleService("other", otherPort));
    main = await stack.createService({
      name: "main",
      domain: `main.${stack.domain}`,
      public: true,
      targets: [stack.peerTarget(port)],
    });
    await stack.waitForState(main.id, "active");
  });

  suiteTeardown(async () => {
    await stack.stop();
    for (const backend of backends) {
      backend.closeAllConnections();
      backend.close();
    }
  });

  const loop = () =>
    requestLoop({
      url: stack.url(main.domain),
      ca: stack.ca.certificate,
      perSecond: 250,
      expect: '"service":"main"',
    });
  const ask = (host: string, path = "/") => httpsGet(stack.url(host, path), { ca: stack.ca.certificate });

  test("50 changes of other services and of unrelated settings fail no request", async () => {
    const requests = loop();
    const others: ServiceBody[] = [];
    for (let change = 0; change < 50; change += 1) {
      if (change % 5 === 4) {
        // An unrelated setting of the service under load.
        main = await stack.api.call<ServiceBody>("PUT", `/reverse-proxies/services/${main.id}`, {
          name: `main ${change}`,
          domain: main.domain,
          mode: "http",
          enabled: true,
          public: true,
          rewrite_redirects: change % 10 === 4,
          targets: [
            stack.peerTarget(port),
            ...(change % 10 === 9 ? [stack.peerTarget(otherPort, "/other")] : []),
          ],
        });
      } else if (change % 5 === 3) {
        await stack.api.call("DELETE", `/reverse-proxies/services/${others.shift()!.id}`);
      } else if (change % 5 === 2) {
        const other = others[0]!;
        await stack.api.call("PUT", `/reverse-proxies/services/${other.id}`, {
          name: other.name,
          domain: other.domain,
          mode: "http",
          enabled: true,
          public: true,
          targets: [stack.peerTarget(otherPort, "/changed")],
        });
      } else {
        others.push(
          await stack.createService({
            name: `other ${change}`,
            domain: `other-${change}.${stack.domain}`,
            public: true,
            targets: [stack.peerTarget(otherPort)],
          }),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await stack.waitForState(main.id, "active");
    const result = await requests.stop();
    assert.deepEqual(result.failures, []);
    assert.ok(result.rate >= 200, `only ${result.rate.toFixed(0)} requests a second were sent`);
    for (const other of others) await stack.api.call("DELETE", `/reverse-proxies/services/${other.id}`);
  });

  test("a removed service answers 404 within a second", async () => {
    const service = await stack.createService({
      name: "short",
      domain: `short.${stack.domain}`,
      public: true,
      targets: [stack.peerTarget(otherPort)],
    });
    await stack.waitForState(service.id, "active");
    assert.equal((await ask(service.domain)).status, 200);
    await stack.api.call("DELETE", `/reverse-proxies/services/${service.id}`);
    await waitFor("404", async () => ((await ask(service.domain)).status === 404 ? true : undefined), {
      timeoutMs: 1000,
      everyMs: 20,
    });
    await assert.rejects(
      stack.service(service.id),
      (error) => error instanceof ApiError && error.status === 404,
    );
  });

  test("killing the server fails no request, and a proxy restarted meanwhile serves from its disk", async () => {
    const requests = loop();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await stack.server.kill();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const result = await requests.stop();
    assert.deepEqual(result.failures, []);

    await stack.proxy.kill();
    stack.startProxy();
    await waitFor(
      "an answer from the restarted proxy",
      async () => ((await ask(main.domain)).status === 200 ? true : undefined),
      {
        timeoutMs: 5000,
      },
    );

    stack.startServer();
    await stack.waitForState(main.id, "active", 20_000);
    const added = await stack.createService({
      name: "after",
      domain: `after.${stack.domain}`,
      public: true,
      targets: [stack.peerTarget(otherPort)],
    });
    await stack.waitForState(added.id, "active");
    assert.equal((await ask(added.domain)).status, 200);
    await stack.api.call("DELETE", `/reverse-proxies/services/${added.id}`);
  });

  test("killing the agent turns the status to tunnel_not_created with a reason, and its restart repairs it", async () => {
    await stack.agent.kill();
    const broken = await stack.waitForState(main.id, "tunnel_not_created", 20_000);
    assert.match(broken.meta.status_reason?.code ?? "", /^tunnel\./);
    assert.notEqual(broken.meta.status_reason?.hint ?? "", "");
    stack.startAgent();
    await waitFor(
      "traffic through the restarted agent",
      async () => ((await ask(main.domain)).status === 200 ? true : undefined),
      {
        timeoutMs: 5000,
      },
    );
    await stack.waitForState(main.id, "active", 10_000);
  });

  test("a killed proxy serves again within 5 s of its restart", async () => {
    await stack.proxy.kill();
    stack.startProxy();
    await waitFor("an answer", async () => ((await ask(main.domain)).status === 200 ? true : undefined), {
      timeoutMs: 5000,
    });
    await stack.waitForState(main.id, "active", 10_000);
  });
});
