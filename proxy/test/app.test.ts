import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../src/config.ts";
import { startBackend } from "./support/backend.ts";
import { get, http2Get, http2Session, rawTls } from "./support/client.ts";
import { ScriptedManagement, until } from "./support/management-server.ts";
import { httpService } from "./support/mappings.ts";
import { startTestProxy, TestProxy, testCertificate } from "./support/proxy.ts";

const main = join(fileURLToPath(new URL(".", import.meta.url)), "..", "src", "main.ts");

/** Runs the program with nothing but these variables. */
async function run(env: Record<string, string>): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", main], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = await once(child, "close");
  return { code: code as number, output };
}

suite("starting", () => {
  test("a configuration that cannot work ends with code 78 and one line per problem", async () => {
    const { code, output } = await run({
      NB_PROXY_DOMAIN: "example.test",
      NB_PROXY_PROXY_PROTOCOL: "perhaps",
    });
    assert.equal(code, 78);
    assert.match(output, /^ {2}NB_PROXY_TOKEN is missing: ./m);
    assert.match(output, /^ {2}NB_PROXY_PROXY_PROTOCOL is "perhaps": ./m);
    assert.doesNotMatch(output, /at .*\.ts:\d+/, "no stack trace");
  });

  test("a port that is taken is named with its variable, and nothing stays open", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const taken = `127.0.0.1:${(blocker.address() as AddressInfo).port}`;
    for (const variable of ["NB_PROXY_ADDRESS", "NB_PROXY_HTTP_ADDRESS", "NB_PROXY_HEALTH_ADDRESS"]) {
      const proxy = new TestProxy(await new ScriptedManagement().start(), { [variable]: taken });
      await proxy.writeCertificate(await testCertificate());
      await assert.rejects(proxy.start(), (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, new RegExp(`${variable}: .* is in use`));
        return true;
      });
      await proxy.close();
    }
    blocker.close();
  });
});

suite("shutting down", () => {
  test("weakness 21: requests under way finish, connections are told to end, readiness says no", async () => {
    const proxy = await startTestProxy({ NB_PROXY_SHUTDOWN_DELAY: "300ms" });
    const held: (() => void)[] = [];
    const backend = await startBackend((incoming, response) => {
      if (incoming.url !== "/slow") {
        response.end("fast");
        return;
      }
      response.write("begun ");
      held.push(() => response.end("and done"));
    });
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    const slow = get({ port: proxy.port, ca: proxy.ca, path: "/slow" });
    const session = await http2Session(proxy.port, proxy.ca);
    const slow2 = http2Get(session, { ":path": "/slow" });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await get({ port: proxy.port, ca: proxy.ca, agent });
    await until(() => held.length === 2);
    const healthPort = proxy.app.listening.healthPort;
    const { port, ca } = proxy;
    const stopped = proxy.stop();
    assert.equal((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 503);
    assert.equal((await fetch(`http://127.0.0.1:${healthPort}/livez`)).status, 200);
    // New visitors are still served while balancers find out.
    assert.equal((await get({ port, ca })).body, "fast");
    await until(() => session.closed, "the GOAWAY");
    await assert.rejects(rawTls(port, ca), /ECONNREFUSED/);
    for (const finish of held) finish();
    assert.equal((await slow).body, "begun and done");
    assert.equal((await slow2).body, "begun and done");
    await stopped;
    agent.destroy();
    session.destroy();
    backend.close();
    await proxy.close();
  });
});
