import assert from "node:assert/strict";
import type { agent } from "@netbird-proxy/proto/grpc";
import { generatePrivateKey, keyFromBase64, keyToBase64, publicKeyOf } from "@netbird-proxy/tunnel";
import { ProxyLinks } from "../../src/links/proxy-links.ts";
import { captureLog } from "../support/captured-log.ts";
import { eventually } from "../support/eventually.ts";
import { FakeDevice } from "../support/fake-device.ts";

function proxyPeer(changes: Partial<agent.ProxyPeer> = {}): agent.ProxyPeer {
  return {
    peerId: "p1",
    proxyId: "proxy-1",
    publicKey: keyToBase64(publicKeyOf(generatePrivateKey())),
    presharedKey: "",
    endpoint: "192.0.2.1:51820",
    websocketEndpoint: "",
    allowedIps: ["100.64.0.9/32"],
    ...changes,
  };
}

suite("links to proxies", () => {
  let links: ProxyLinks;
  let nowMs = 0;
  let device: FakeDevice;
  let answers: Record<string, string[]>;
  let captured: ReturnType<typeof captureLog>;
  let changes = 0;

  setup(() => {
    nowMs = 1_000_000;
    device = new FakeDevice();
    answers = {};
    captured = captureLog();
    changes = 0;
    links = new ProxyLinks({
      device,
      log: captured.log,
      nowMs: () => nowMs,
      random: () => 0,
      onChange: () => {
        changes += 1;
      },
      lookup: async (name) => {
        const addresses = answers[name];
        if (addresses === undefined) throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
        return addresses;
      },
    });
  });
  teardown(() => links.close());

  const key = (proxy: agent.ProxyPeer) => keyFromBase64(proxy.publicKey)!;
  const setTo = (endpoint: string) => eventually(endpoint, () => device.calls.at(-1) === `set ${endpoint}`);

  test("a proxy becomes a peer with keepalive and its own addresses only", async () => {
    const psk = keyToBase64(generatePrivateKey());
    const proxy = proxyPeer({ presharedKey: psk, allowedIps: ["100.64.0.9/32", "fd00::9/128"] });
    links.setProxies([proxy]);
    await setTo("192.0.2.1:51820");
    assert.deepEqual(device.configs.get(proxy.publicKey), {
      publicKey: key(proxy),
      presharedKey: keyFromBase64(psk),
      allowedIps: ["100.64.0.9/32", "fd00::9/128"],
      endpoint: "192.0.2.1:51820",
      persistentKeepaliveSeconds: 25,
    });
    assert.equal(device.pings, 1, "a packet that starts the handshake");
  });

  test("a completed handshake is logged once and reported", async () => {
    const proxy = proxyPeer();
    links.setProxies([proxy]);
    await setTo("192.0.2.1:51820");
    device.shakeHands(key(proxy), nowMs);
    device.shakeHands(key(proxy), nowMs + 120_000);
    assert.deepEqual(
      captured.named("connected").map(({ proxy_id, endpoint }) => ({ proxy_id, endpoint })),
      [{ proxy_id: "proxy-1", endpoint: "192.0.2.1:51820" }],
    );
    assert.equal(changes, 2);
    assert.equal(links.status()[0]?.up, true);
  });

  test("the same list again leaves a session alone; a new endpoint does not", async () => {
    const proxy = proxyPeer();
    links.setProxies([proxy]);
    await setTo("192.0.2.1:51820");
    device.shakeHands(key(proxy), nowMs);
    links.setProxies([{ ...proxy, websocketEndpoint: "wss://x" }]);
    assert.deepEqual(device.calls, ["set 192.0.2.1:51820"]);
    links.setProxies([{ ...proxy, endpoint: "192.0.2.2:51820" }]);
    await setTo("192.0.2.2:51820");
    assert.equal(links.status().length, 1);
  });

  test("a proxy that left is removed from the device", async () => {
    const proxy = proxyPeer();
    links.setProxies([proxy]);
    await setTo("192.0.2.1:51820");
    links.setProxies([]);
    assert.deepEqual(device.peers(), []);
    assert.deepEqual(links.status(), []);
  });

  test("a proxy that cannot be used is named and does not disturb the others", async () => {
    links.setProxies([
      proxyPeer({ proxyId: "bad-key", publicKey: "abc" }),
      proxyPeer({ proxyId: "bad-psk", presharedKey: "abc" }),
      proxyPeer({ proxyId: "bad-address", allowedIps: ["100.64.0.9/33"] }),
      proxyPeer({ proxyId: "no-address", allowedIps: [] }),
      proxyPeer({ proxyId: "good" }),
    ]);
    await setTo("192.0.2.1:51820");
    assert.deepEqual(
      links.status().map(({ proxyId }) => proxyId),
      ["good"],
    );
    assert.equal(captured.named("a proxy cannot be used; ignoring it").length, 4);
  });

  test("a name is resolved here, again while no handshake succeeds, and all its addresses get a turn", async () => {
    answers["proxy.example.com"] = ["2001:db8::1", "192.0.2.1"];
    links.setProxies([proxyPeer({ endpoint: "proxy.example.com:51820" })]);
    await setTo("192.0.2.1:51820");
    nowMs += 1_000;
    await setTo("[2001:db8::1]:51820");
    answers["proxy.example.com"] = ["192.0.2.7"];
    nowMs += 1_000;
    await setTo("192.0.2.7:51820");
    nowMs += 2_000;
    await eventually("the complaint", () => captured.named("cannot reach a proxy; trying on").length === 1);
  });

  test("while the resolver is down the address that was known is used on", async () => {
    answers["proxy.example.com"] = ["192.0.2.1"];
    links.setProxies([proxyPeer({ endpoint: "proxy.example.com:51820" })]);
    await setTo("192.0.2.1:51820");
    delete answers["proxy.example.com"];
    nowMs += 1_000;
    await eventually("another attempt", () => device.calls.length === 3);
    assert.deepEqual(device.calls, ["set 192.0.2.1:51820", "remove", "set 192.0.2.1:51820"]);
  });

  test("a name that does not resolve yet is asked for until it does", async () => {
    links.setProxies([proxyPeer({ endpoint: "proxy.example.com:51820" })]);
    await eventually("the complaint", () => captured.named("cannot reach a proxy; trying on").length === 1);
    answers["proxy.example.com"] = ["192.0.2.1"];
    nowMs += 1_000;
    await setTo("192.0.2.1:51820");
  });

  test("a proxy that stops answering gets a new handshake at the address that worked", async () => {
    answers["proxy.example.com"] = ["192.0.2.1", "192.0.2.2"];
    const proxy = proxyPeer({ endpoint: "proxy.example.com:51820" });
    links.setProxies([proxy]);
    await setTo("192.0.2.1:51820");
    device.shakeHands(key(proxy), nowMs);
    const asked = device.pings;
    nowMs += 1_500;
    await eventually("the question", () => device.pings > asked);
    device.answersPings = false;
    await eventually("the reconnect", () => {
      nowMs += 500;
      return device.calls.length === 3;
    });
    assert.deepEqual(device.calls.slice(1), ["remove", "set 192.0.2.1:51820"]);
    assert.equal(captured.named("the proxy stopped answering; reconnecting").length, 1);
    assert.equal(links.status()[0]?.up, false);
  });
});
