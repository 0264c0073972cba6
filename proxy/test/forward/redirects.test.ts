import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { get } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("redirects of targets", () => {
  let proxy: TestProxy;
  let location = "";
  const server = createServer((_request, response) => {
    response.writeHead(302, { location }).end();
  });
  let authority = "";
  suiteSetup(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    proxy = await startTestProxy();
    const target = `http://${authority}/`;
    await proxy.management.apply(
      httpService(
        "on",
        "on.example.test",
        [{ target }, { path: "/app", target }, { path: "/keep", target, options: { pathRewrite: 1 } }],
        {
          rewriteRedirects: true,
        },
      ),
      httpService("off", "off.example.test", target),
    );
  });
  suiteTeardown(async () => {
    server.close();
    server.closeAllConnections();
    await proxy.close();
  });

  async function redirect(to: string, path = "/", host = "on.example.test"): Promise<string | undefined> {
    location = to;
    return (await get({ port: proxy.port, ca: proxy.ca, host, path })).headers.location;
  }

  test("to the target's own address become redirects to the public one", async () => {
    assert.equal(await redirect(`http://${authority}/login?x=1#y`), "https://on.example.test/login?x=1#y");
    assert.equal(await redirect(`http://${authority}`), "https://on.example.test");
    assert.equal(await redirect(`HTTP://${authority.toUpperCase()}/a%2Fb`), "https://on.example.test/a%2Fb");
    assert.equal(await redirect(`http://${authority}/x`, "/app/y"), "https://on.example.test/app/x");
    assert.equal(await redirect(`http://${authority}/keep/x`, "/keep/y"), "https://on.example.test/keep/x");
  });

  test("elsewhere, relative, or not a URL stay as they are", async () => {
    for (const to of [
      "/relative",
      "https://elsewhere.example/x",
      `http://127.0.0.1:1/x`,
      "http://[bad",
      "javascript:x",
      "//evil.example/",
    ]) {
      assert.equal(await redirect(to), to);
    }
    assert.equal(await redirect(`http://${authority}/x`, "/", "off.example.test"), `http://${authority}/x`);
  });
});
