import assert from "node:assert/strict";
import { type Answer, CLUSTER, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("filters and pages of lists", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const make = async (path: string, body: unknown) => {
    const answer = await server.call("POST", path, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  const names = async (path: string) =>
    (await server.call("GET", path)).body.map(({ name }: { name: string }) => name).sort();
  const nextOf = ({ headers }: { headers: Record<string, unknown> }) =>
    /^<\/api([^>]+)>; rel="next"$/.exec(String(headers.link ?? ""))?.[1];

  test("pages hold every object once, also when some come and go in between", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index++) made.push((await make("/networks", { name: `n${index}` })).id);
    const seen: string[] = [];
    let path: string | undefined = "/networks?limit=3";
    let page = 0;
    while (path !== undefined) {
      const answer: Answer = await server.call("GET", path);
      assert.equal(answer.status, 200);
      seen.push(...answer.body.map(({ id }: { id: string }) => id));
      path = nextOf(answer);
      // The last one that was shown goes, which must not lose the place.
      if (page++ === 0) await server.call("DELETE", `/networks/${seen.at(-1)}`);
    }
    assert.deepEqual(seen, made);
    const all = await server.call("GET", "/networks?limit=1000");
    assert.deepEqual([all.body.length, nextOf(all)], [6, undefined]);
  });

  test("the next page keeps the filters, and without parameters the list is what it was", async () => {
    for (const name of ["a", "a", "b", "a"]) await make("/networks", { name });
    const first = await server.call("GET", "/networks?name=a&limit=2");
    assert.equal(first.body.length, 2);
    const second = await server.call("GET", nextOf(first)!);
    assert.deepEqual([second.body.length, nextOf(second)], [1, undefined]);
    assert.equal((await server.call("GET", "/networks")).body.length, 4);
    assert.equal((await server.call("GET", "/networks?colour=red")).body.length, 4);
  });

  test("services by name, domain, status, cluster, mode and target", async () => {
    const [web, db] = [(await make("/peers", { name: "web" })).id, (await make("/peers", { name: "db" })).id];
    for (const [name, target_id, enabled] of [
      ["wiki", web, true],
      ["shop", web, false],
      ["data", db, true],
    ]) {
      await make("/reverse-proxies/services", {
        name,
        domain: `${name}.${CLUSTER}`,
        enabled,
        targets: [{ target_id, target_type: "peer", protocol: "http", port: 80, enabled: true }],
      });
    }
    const services = "/reverse-proxies/services";
    assert.deepEqual(await names(`${services}?name=wiki`), ["wiki"]);
    assert.deepEqual(await names(`${services}?name=wiki&name=data`), ["data", "wiki"]);
    assert.deepEqual(await names(`${services}?domain=WIKI.${CLUSTER}`), ["wiki"]);
    assert.deepEqual(await names(`${services}?target_id=${web}`), ["shop", "wiki"]);
    assert.deepEqual(await names(`${services}?target_id=${web}&enabled=true`), ["wiki"]);
    assert.deepEqual(await names(`${services}?cluster=${CLUSTER}&mode=http`), ["data", "shop", "wiki"]);
    assert.deepEqual(await names(`${services}?status=active`), []);
    assert.deepEqual(await names(`${services}?status=pending`), ["data", "shop", "wiki"]);
  });

  test("a parameter that NetBird has keeps its meaning", async () => {
    await make("/peers", { name: "web-1" });
    await make("/peers", { name: "db" });
    assert.deepEqual(await names("/peers?name=web"), ["web-1"]);
    assert.equal((await server.call("GET", "/users?service_user=true")).body.length, 0);
  });

  test("a limit or cursor that cannot be is named", async () => {
    for (const [query, path] of [
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["limit=ten", "limit"],
      ["limit=", "limit"],
      ["limit=1&limit=2", "limit"],
      ["cursor=", "cursor"],
      ["cursor=%25%25", "cursor"],
    ]) {
      const answer = await server.call("GET", `/networks?${query}`);
      assert.deepEqual(refusal(answer), { status: 422, code: "request.invalid", path }, query);
    }
  });
});
