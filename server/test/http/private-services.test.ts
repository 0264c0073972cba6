import assert from "node:assert/strict";
import { Service } from "@netbird-proxy/proto/rest";
import { registerProxyPeer } from "../../src/grpc/proxy-control/register-proxy-peer.ts";
import { assertConforms, CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

const services = "/reverse-proxies/services";
const DOMAIN = `wiki.${CLUSTER}`;

suite("private services over REST", () => {
  let server: RestServer;
  let peer = "";
  let group = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    group = (await server.call("POST", "/groups", { name: "Staff" })).body.id;
    await allow(true);
  });
  teardown(() => server.close());

  const wiki = () => ({
    name: "wiki",
    domain: DOMAIN,
    enabled: true,
    private: true,
    access_groups: [group],
    targets: [{ target_id: peer, target_type: "peer", protocol: "http", port: 8080, enabled: true }],
  });
  const make = async (query = "") => {
    const answer = await server.call("POST", `${services}${query}`, wiki());
    assert.equal(answer.status, 200, answer.text);
    assertConforms(Service, answer.body);
    return answer.body as Service;
  };
  const allow = (isPrivate: boolean) =>
    server.store.db("proxies").update({
      capabilities: JSON.stringify({ supportsPrivateService: true, private: isPrivate }),
    });
  const join = (proxyId: string) =>
    registerProxyPeer(server.context, server.account, {
      proxyId: proxyId as never,
      cluster: CLUSTER,
      publicKey: Buffer.alloc(32, proxyId).toString("base64"),
      wireguardEndpoint: "192.0.2.7:51820",
      websocketEndpoint: "",
    });

  test("tell where peers find them: at the overlay addresses of the cluster's proxies", async () => {
    const made = await make();
    assert.deepEqual(made.private_addresses, []);
    assert.equal(made.url, `https://${DOMAIN}`);
    assert.deepEqual(made.warnings, []);
    const joined = (await join("proxy-1"))!;
    // Of another cluster, or of one that lets no peers in: not there.
    await join("proxy-elsewhere");
    const read = async () => (await server.call("GET", `${services}/${made.id}`)).body as Service;
    assert.deepEqual((await read()).private_addresses, [joined.ip, joined.ipv6]);
    const list = (await server.call("GET", services)).body as Service[];
    assert.deepEqual(list[0]!.private_addresses, [joined.ip, joined.ipv6]);
    await allow(false);
    assert.deepEqual((await read()).private_addresses, []);
    await allow(true);
    server.nowMs += 25 * 3_600_000;
    assert.deepEqual((await read()).private_addresses, [], "a proxy that is gone for a day");
    const open = await server.call("PUT", `${services}/${made.id}`, {
      ...wiki(),
      private: false,
      public: true,
    });
    assert.equal(open.body.private_addresses, undefined);
  });

  test("addresses that come and go are no change that somebody made", async () => {
    const made = await make();
    const { headers } = await server.call("GET", `${services}/${made.id}`);
    await join("proxy-1");
    const answer = await server.call("PUT", `${services}/${made.id}`, wiki(), server.token, {
      "if-match": String(headers.etag),
    });
    assert.equal(answer.status, 200, answer.text);
  });

  test("warn while a proxy of the cluster lets no peers in, in a dry run too", async () => {
    await allow(false);
    const [warning, ...others] = (await make("?dry_run=true")).warnings;
    assert.deepEqual(others, []);
    assert.deepEqual([warning!.code, warning!.path], ["service.private_off", "private"]);
    assert.match(warning!.message, /proxy-1 lets no peers in/);
  });

  test("the diagnosis compares their name with the overlay addresses", async () => {
    const made = await make();
    server.addresses.set(CLUSTER, ["192.0.2.7"]);
    const dns = async () => {
      const { body } = await server.call("GET", `${services}/${made.id}/diagnose`);
      const check = body.checks.find(({ name }: { name: string }) => name === "dns");
      return `${check.code}: ${check.message}`;
    };
    server.addresses.set(DOMAIN, ["192.0.2.7"]);
    assert.match(await dns(), /^service.not_applied_yet: .*has joined the overlay yet/);
    const { ip } = (await join("proxy-1"))!;
    assert.match(await dns(), new RegExp(`^dns.elsewhere: .*192.0.2.7, but .*inside the overlay.* ${ip}`));
    server.addresses.set(DOMAIN, [ip]);
    assert.equal(await dns(), `ok: ${DOMAIN} leads to ${ip}, the proxies of ${CLUSTER} inside the overlay`);
  });
});
