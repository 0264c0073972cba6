import assert from "node:assert/strict";
import fc from "fast-check";
import { anonymous } from "../support/field-table.ts";
import { bodiesAround } from "../support/random-bodies.ts";
import { type WriteRoute, writeRoutes } from "../support/request-bodies.ts";
import { contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

/** Fields that come back in another form than they were sent in; `approval_required` has no effect here. */
const canonical = new Set([
  "address",
  "role",
  "email",
  "usage_limit",
  "mode",
  "listen_port",
  "ip",
  "ipv6",
  "approval_required",
]);

suite("random bodies around valid ones", function () {
  this.timeout(60_000);
  let server: RestServer;
  let around: fc.Arbitrary<{ route: WriteRoute; body: Record<string, unknown> }>;
  let aroundPut: typeof around;
  suiteSetup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    // A peer's address is chosen at random, and what a batch makes is not taken back here.
    const routes = (await writeRoutes(server)).filter(({ path }) => path !== "/peers" && path !== "/batch");
    const bodiesOf = await bodiesAround(server);
    // Ports that nobody names are chosen at random too.
    const except = ["mode", "listen_port"];
    const bodies = (some: WriteRoute[]) =>
      fc.oneof(...some.map((route) => bodiesOf(route, { except }).map((body) => ({ route, body }))));
    around = bodies(routes);
    aroundPut = bodies(routes.filter(({ method }) => method === "PUT"));
  });
  suiteTeardown(() => server.close());

  const send = ({ method, path }: WriteRoute, body: unknown, query = "") =>
    server.call(method, `${path}${query}`, body);

  test("a dry run answers as the real run does", async () => {
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(around, async ({ route, body }) => {
        const before = await contents(server.store);
        const dry = await send(route, body, "?dry_run=true");
        assert.ok(dry.status < 500, dry.text);
        assert.deepEqual(await contents(server.store), before, "the dry run changed something");
        const real = await send(route, body);
        statuses.set(real.status, (statuses.get(real.status) ?? 0) + 1);
        assert.equal(dry.status, real.status, `${dry.text}${real.text}`);
        if (real.status >= 300) assert.deepEqual(refusal(dry), refusal(real));
        else assert.deepEqual(anonymous(dry.body), anonymous(real.body));
        const id = real.body.id ?? real.body.personal_access_token?.id;
        if (route.method === "POST" && id) {
          const { path } = route;
          // What was made must not be in the way of the next one. A group that has resources is not deleted.
          if (path === "/groups") await server.call("PUT", `/groups/${id}`, { name: `emptied ${id}` });
          await server.call("DELETE", `${path}/${id}`);
        }
      }),
      { numRuns: 150 },
    );
    // Both kinds have to be there for this to mean anything.
    assert.ok((statuses.get(200) ?? 0) > 20 && (statuses.get(422) ?? 0) > 5, JSON.stringify([...statuses]));
  });

  test("what was PUT is what GET returns", async () => {
    await fc.assert(
      fc.asyncProperty(aroundPut, async ({ route, body }) => {
        const put = await send(route, body);
        if (put.status !== 200) return;
        for (const [key, value] of Object.entries(body)) {
          if (canonical.has(key) || !["string", "number", "boolean"].includes(typeof value)) continue;
          if (key in put.body) assert.equal(put.body[key], value, key);
        }
        const isListed = /^\/(users|accounts)\/[^/]+$/.exec(route.path);
        const { body: got } = await server.call("GET", isListed ? `/${isListed[1]}` : route.path);
        const shown = isListed ? got.find(({ id }: { id: string }) => id === put.body.id) : got;
        assert.deepEqual(shown, put.body);
        assert.deepEqual((await send(route, body)).status, 200, "the same again");
      }),
      { numRuns: 150 },
    );
  });
});
