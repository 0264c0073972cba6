import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { Crowdsec } from "../support/crowdsec.ts";
import { ScriptedManagement, until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("Debian's crowdsec", () => {
  const crowdsec = new Crowdsec();
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    await crowdsec.start();
    const key = crowdsec.cscli("bouncers", "add", "proxy", "-o", "raw");
    decide("--ip", "192.0.2.1");
    backend = await startBackend();
    proxy = await startTestProxy(
      {
        NB_PROXY_TRUSTED_PROXIES: "127.0.0.1",
        NB_PROXY_CROWDSEC_API_URL: crowdsec.url,
        NB_PROXY_CROWDSEC_API_KEY: key,
      },
      new ScriptedManagement(),
      { crowdsecIntervalMs: 100 },
    );
    const accessRestrictions = management.AccessRestrictions.fromPartial({
      crowdsecMode: "enforce",
    } as never);
    await proxy.management.apply(httpService("app", "app.example.test", backend.url, { accessRestrictions }));
  });
  suiteTeardown(async () => {
    await proxy?.close();
    backend?.close();
    await crowdsec.close();
  });

  const decide = (...args: string[]) => crowdsec.cscli("decisions", "add", ...args);
  const undecide = (...args: string[]) => crowdsec.cscli("decisions", "delete", ...args);
  /** The answer's code, empty when the request came through. */
  const from = async (address: string): Promise<string> => {
    const headers = { "x-forwarded-for": address };
    const reply = await get({ port: proxy.port, ca: proxy.ca, headers });
    return reply.status === 200 ? "" : JSON.parse(reply.body).code;
  };
  const becomes = async (address: string, code: string) => {
    for (const deadline = Date.now() + 20_000; (await from(address)) !== code; ) {
      assert.ok(Date.now() < deadline, `${address} did not become ${code || "free"}: ${await from(address)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test("what was decided before the start holds from the first request on", async () => {
    assert.equal(await from("192.0.2.1"), "access.crowdsec_ban");
    assert.equal(await from("192.0.2.99"), "");
  });

  test("decisions come and go while the proxy runs: addresses, ranges, IPv6, all types, countries", async () => {
    decide("--ip", "2001:db8:0:0::7", "--type", "captcha");
    decide("--range", "198.51.100.0/24", "--type", "throttle");
    decide("--range", "2001:db8:ff::/48", "--type", "something-new");
    decide("--scope", "country", "--value", "NL");
    await becomes("2001:db8::7", "access.crowdsec_captcha");
    await becomes("198.51.100.200", "access.crowdsec_throttle");
    await becomes("2001:db8:ff:1::1", "access.crowdsec_ban");
    await becomes("193.0.6.139", "access.crowdsec_ban");
    assert.equal(await from("2001:db8::8"), "");
    undecide("--ip", "2001:db8:0:0::7");
    undecide("--range", "198.51.100.0/24");
    undecide("--value", "NL");
    await becomes("2001:db8::7", "");
    await becomes("198.51.100.200", "");
    await becomes("193.0.6.139", "");
  });

  test("a second decision on an address outlives the first one", async () => {
    decide("--ip", "203.0.113.1", "--duration", "4h");
    decide("--ip", "203.0.113.1", "--duration", "1h");
    await becomes("203.0.113.1", "access.crowdsec_ban");
    const alerts = JSON.parse(crowdsec.cscli("alerts", "list", "--ip", "203.0.113.1", "-o", "json")) as {
      decisions: { id: number }[];
    }[];
    const ids = alerts.flatMap(({ decisions }) => decisions.map(({ id }) => id));
    assert.equal(ids.length, 2);
    undecide("--id", String(Math.min(...ids)));
    // Another decision afterwards shows that the one before has arrived.
    decide("--ip", "203.0.113.2");
    await becomes("203.0.113.2", "access.crowdsec_ban");
    assert.equal(await from("203.0.113.1"), "access.crowdsec_ban");
    undecide("--ip", "203.0.113.1");
    await becomes("203.0.113.1", "");
  });

  test("a decision ends by itself", async () => {
    decide("--ip", "203.0.113.5", "--duration", "3s");
    await becomes("203.0.113.5", "access.crowdsec_ban");
    await becomes("203.0.113.5", "");
  });

  test("while crowdsec is away its decisions hold; what changed meanwhile is known when it is back", async () => {
    await crowdsec.stop();
    const failed = () => proxy.logLines.some(({ reason }) => String(reason).includes("ECONNREFUSED"));
    await until(failed, "a question to go unanswered");
    assert.equal(await from("192.0.2.1"), "access.crowdsec_ban");
    await crowdsec.start();
    undecide("--ip", "192.0.2.1");
    await becomes("192.0.2.1", "");
  });

  test("with the key taken away the decisions hold, and the log says what to do", async () => {
    decide("--ip", "192.0.2.7");
    await becomes("192.0.2.7", "access.crowdsec_ban");
    crowdsec.cscli("bouncers", "delete", "proxy");
    const said = () =>
      proxy.logLines.some(({ reason }) => String(reason).includes("NB_PROXY_CROWDSEC_API_KEY"));
    await until(said, "the log to say so");
    assert.equal(await from("192.0.2.7"), "access.crowdsec_ban");
  });
});
