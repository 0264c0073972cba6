import assert from "node:assert/strict";
import { newToken } from "../../src/domain/token.ts";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

suite("limits of tokens over REST", () => {
  let server: RestServer;
  teardown(() => server.close());

  const ask = async (headers: Record<string, string>, remoteAddress = "198.51.100.7") => {
    const answer = await server.app.inject({ url: "/api/groups", headers, remoteAddress });
    return answer.statusCode;
  };
  const bad = () => ({ authorization: `Token ${newToken("nbp_")}` });
  const good = () => ({ authorization: `Token ${server.token}` });

  test("guessing is slowed down per address, and a good token is never refused for its neighbours", async () => {
    server = await startRestServer();
    await server.setUp();
    const statuses = [];
    for (let n = 0; n < 22; n += 1) statuses.push(await ask(bad()));
    assert.deepEqual(statuses, [...Array(20).fill(401), 429, 429]);
    assert.equal(await ask(good()), 200);
    assert.equal(await ask(bad(), "198.51.100.8"), 401);
    server.nowMs += 6_000;
    assert.equal(await ask(bad()), 401);
  });

  test("a forwarded address counts from a trusted proxy only", async () => {
    server = await startRestServer();
    await server.setUp();
    const from = (n: number) => ({ ...bad(), "x-forwarded-for": `203.0.113.${n}` });
    for (let n = 0; n < 20; n += 1) assert.equal(await ask(from(n)), 401);
    assert.equal(await ask(from(99)), 429, "a made-up header got a budget of its own");
    for (let n = 0; n < 25; n += 1) assert.equal(await ask(from(n), "192.0.2.1"), 401);
    for (let n = 0; n < 20; n += 1) await ask({ ...bad(), "x-forwarded-for": "203.0.113.200" }, "192.0.2.1");
    const chain = { ...bad(), "x-forwarded-for": "10.9.8.7, 203.0.113.200" };
    assert.equal(await ask(chain, "192.0.2.1"), 429, "the last hop is the one that the proxy saw");
  });

  test("addresses of one IPv6 subscriber count together", async () => {
    server = await startRestServer();
    await server.setUp();
    for (let n = 0; n < 20; n += 1) assert.equal(await ask(bad(), `2001:db8:1:2::${n.toString(16)}`), 401);
    assert.equal(await ask(bad(), "2001:db8:1:2:ffff::1"), 429);
    assert.equal(await ask(bad(), "2001:db8:1:3::1"), 401);
  });

  test("requests of one token are limited when that is switched on, Terraform's are not", async () => {
    server = await startRestServer({ tokenRateLimit: { perMinute: 6, burst: 3 } });
    await server.setUp();
    const statuses = [];
    for (let n = 0; n < 5; n += 1) statuses.push(await ask(good()));
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    for (let n = 0; n < 5; n += 1) {
      assert.equal(await ask({ ...good(), "user-agent": "HashiCorp Terraform/1.11.4" }), 200);
    }
    server.nowMs += 10_000;
    assert.equal(await ask(good()), 200);
    const { "retry-after": wait } = (await server.app.inject({ url: "/api/groups", headers: good() }))
      .headers;
    assert.ok(Number(wait) >= 1 && Number(wait) <= 10, `Retry-After: ${wait}`);
  });
});
