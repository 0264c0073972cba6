import assert from "node:assert/strict";
import { CLUSTER, contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("DNS credentials", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const PATH = "/reverse-proxies/dns-credentials";
  const secrets = [1, 2].map((byte) => Buffer.alloc(32, byte).toString("base64"));
  const draft = {
    domain: CLUSTER,
    wildcard: true,
    provider: "rfc2136",
    rfc2136: { server: "ns1.example.net", key_name: "acme", key_secret: secrets[0] },
  };
  const webhook = { url: "https://hooks.example.net/dns", username: "acme", password: "open sesame" };

  test("secrets are in no answer and no event, and sealed in the database", async () => {
    const made = await server.call("POST", PATH, draft);
    const path = `${PATH}/${made.body.id}`;
    const answers = [
      made,
      await server.call("PATCH", path, { rfc2136: { key_secret: secrets[1] } }),
      await server.call("PATCH", path, { rfc2136: null, provider: "webhook", webhook }),
      await server.call("GET", path),
      await server.call("GET", PATH),
      await server.call("GET", "/events/audit"),
      await server.call("PATCH", path, { webhook: { password: "open\u0001sesame", username: "a:b" } }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200, 422],
    );
    const rows = JSON.stringify(await contents(server.store));
    for (const secret of [...secrets, "open sesame", "open\\u0001sesame"]) {
      for (const { text } of answers) assert.ok(!text.includes(secret!), text);
      assert.ok(!rows.includes(secret!));
    }
    const kinds = answers[5]!.body.map((event: { activity_code: string }) => event.activity_code);
    assert.equal(kinds.filter((code: string) => code === "dns.credentials.add").length, 1);
    assert.equal(kinds.filter((code: string) => code === "dns.credentials.update").length, 2);
  });

  test("a change that changes nothing leaves no event, one of the secret alone does", async () => {
    const { body } = await server.call("POST", PATH, draft);
    const path = `${PATH}/${body.id}`;
    const put = await server.call("PUT", path, draft);
    assert.deepEqual(put.body, body);
    const { key_secret: _, ...open } = draft.rfc2136;
    assert.deepEqual((await server.call("PUT", path, { ...draft, rfc2136: open })).body, body);
    await server.call("PATCH", path, { rfc2136: { key_secret: secrets[1] } });
    const { body: events } = await server.call("GET", "/events/audit");
    const ours = events.filter(({ target_id }: { target_id: string }) => target_id === body.id);
    assert.equal(ours.length, 2);
  });

  test("a stored secret does not follow to another address", async () => {
    const { body } = await server.call("POST", PATH, {
      domain: CLUSTER,
      provider: "webhook",
      webhook,
    });
    const path = `${PATH}/${body.id}`;
    const moved = await server.call("PATCH", path, { webhook: { url: "https://evil.example.org" } });
    assert.deepEqual(refusal(moved), {
      status: 422,
      code: "dns_credentials.invalid",
      path: "webhook.password",
    });
    assert.equal((await server.call("PATCH", path, { wildcard: true })).status, 200);
  });

  test("a domain has one set of credentials in an account", async () => {
    const { body } = await server.call("POST", PATH, draft);
    const again = await server.call("POST", PATH, { ...draft, domain: CLUSTER.toUpperCase() });
    assert.deepEqual(refusal(again), { status: 409, code: "dns_credentials.taken", path: "domain" });
    const other = await server.call("POST", PATH, { ...draft, domain: `shop.${CLUSTER}` });
    assert.equal(other.status, 200);
    const move = await server.call("PATCH", `${PATH}/${other.body.id}`, { domain: CLUSTER });
    assert.equal(refusal(move).code, "dns_credentials.taken");
    assert.equal((await server.call("DELETE", `${PATH}/${body.id}`)).status, 200);
    assert.equal(refusal(await server.call("GET", `${PATH}/${body.id}`)).code, "dns_credentials.not_found");
    assert.equal((await server.call("PATCH", `${PATH}/${other.body.id}`, { domain: CLUSTER })).status, 200);
  });
});
