import assert from "node:assert/strict";
import { emptyReport } from "../../src/domain/service-report.ts";
import { saveServiceReport } from "../../src/store/service-reports.ts";
import { CLUSTER, contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

const services = "/reverse-proxies/services";

suite("ETags and preconditions", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const withHeaders = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    server.call(method, path, body, server.token, headers);
  const makeGroup = async (name = "g") => {
    const { body, headers } = await server.call("POST", "/groups", { name });
    return { id: body.id as string, etag: String(headers.etag) };
  };
  const makeService = async (change = {}) => {
    const peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    const request = {
      name: "wiki",
      domain: `wiki.${CLUSTER}`,
      enabled: true,
      targets: [{ target_id: peer, target_type: "peer", protocol: "http", port: 80, enabled: true }],
      ...change,
    };
    const answer = await server.call("POST", services, request);
    assert.equal(answer.status, 200, answer.text);
    return { id: answer.body.id as string, etag: String(answer.headers.etag), request };
  };
  const state = (etag: unknown) => String(etag).slice(1).split(".")[0];

  test("what a write answers has the same ETag as the next read", async () => {
    const { id, etag } = await makeGroup();
    assert.equal((await server.call("GET", `/groups/${id}`)).headers.etag, etag);
    const put = await server.call("PUT", `/groups/${id}`, { name: "other" });
    assert.notEqual(put.headers.etag, etag);
    assert.equal((await server.call("GET", `/groups/${id}`)).headers.etag, put.headers.etag);
    assert.equal(
      (await server.call("PUT", `/groups/${id}?dry_run=true`, { name: "x" })).headers.etag,
      undefined,
    );
  });

  test("the second of two writers who read the same is refused and told the current ETag", async () => {
    const { id, etag } = await makeGroup();
    const first = await withHeaders("PUT", `/groups/${id}`, { "if-match": etag }, { name: "first" });
    assert.equal(first.status, 200);
    for (const [method, body] of [
      ["PUT", { name: "second" }],
      ["PATCH", { name: "second" }],
      ["DELETE", undefined],
    ] as const) {
      const second = await withHeaders(method, `/groups/${id}`, { "if-match": etag }, body);
      assert.deepEqual(refusal(second), { status: 412, code: "request.precondition_failed", path: "" });
      assert.equal(second.headers.etag, first.headers.etag);
      assert.ok(second.body.message.includes(first.headers.etag));
    }
    assert.equal((await server.call("GET", `/groups/${id}`)).body.name, "first");
  });

  test("of many writers at once with the same ETag exactly one wins", async () => {
    const { id, etag } = await makeGroup();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        withHeaders("PUT", `/groups/${id}`, { "if-match": etag }, { name: `writer ${index}` }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(412)]);
  });

  test("objects that only a list shows can be protected too", async () => {
    const user = (
      await server.call("POST", "/users", {
        name: "bot",
        role: "user",
        auto_groups: [],
        is_service_user: true,
      })
    ).body;
    const change = { role: "admin", auto_groups: [], is_blocked: false };
    const stale = await withHeaders("PUT", `/users/${user.id}`, { "if-match": '"stale"' }, change);
    assert.equal(stale.status, 412);
    const current = String(stale.headers.etag);
    assert.equal(
      (await withHeaders("PUT", `/users/${user.id}`, { "if-match": current }, change)).status,
      200,
    );
    const token = (await server.call("POST", "/reverse-proxies/proxy-tokens", { name: "t" })).body;
    const path = `/reverse-proxies/proxy-tokens/${token.id}`;
    assert.equal((await withHeaders("DELETE", path, { "if-match": '"stale"' })).status, 412);
    assert.equal((await withHeaders("DELETE", path, { "if-match": "*" })).status, 200);
  });

  test("an object that is not there is missing, whatever If-Match says", async () => {
    const answer = await withHeaders("PUT", "/groups/nope", { "if-match": '"x"' }, { name: "n" });
    assert.deepEqual(refusal(answer), { status: 404, code: "group.not_found", path: "" });
  });

  test("a path that is no object says so instead of passing over If-Match", async () => {
    const me = (await server.call("GET", "/users/current")).body.id;
    const answer = await withHeaders("PUT", `/users/${me}/password`, { "if-match": '"x"' }, {});
    assert.equal(refusal(answer).code, "request.precondition_failed");
  });

  test("status changes the whole ETag, but not what If-Match compares", async () => {
    const { id, etag, request } = await makeService();
    await saveServiceReport(server.store.db, {
      proxyId: "proxy-1" as never,
      serviceId: id as never,
      accountId: server.account,
      report: { ...emptyReport("report"), rejectionCode: "proxy.rejected", rejectionMessage: "no" },
      servingRevision: 0,
      reportedAt: server.nowMs,
    });
    const after = (await server.call("GET", `${services}/${id}`)).headers.etag;
    assert.notEqual(after, etag);
    assert.equal(state(after), state(etag));
    const put = await withHeaders("PUT", `${services}/${id}`, { "if-match": etag }, request);
    assert.equal(put.status, 200, put.text);
  });

  test("a new password changes the ETag although nobody sees it", async () => {
    const auth = (password: string) => ({ auth: { password_auth: { enabled: true, password } } });
    const { id, etag, request } = await makeService(auth("one"));
    const kept = await server.call("PUT", `${services}/${id}`, { ...request, ...auth("") });
    assert.equal(state(kept.headers.etag), state(etag));
    const changed = await server.call("PUT", `${services}/${id}`, { ...request, ...auth("two") });
    assert.notEqual(state(changed.headers.etag), state(etag));
    assert.equal(changed.headers.etag, (await server.call("GET", `${services}/${id}`)).headers.etag);
  });

  test("what the client has is not sent again, one object or a list", async () => {
    const { id } = await makeGroup();
    for (const path of [`/groups/${id}`, "/groups"]) {
      const { etag } = (await server.call("GET", path)).headers;
      const again = await withHeaders("GET", path, { "if-none-match": `W/"x", ${etag}` });
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, "", etag]);
      await server.call("PUT", `/groups/${id}`, { name: `new for ${path}` });
      assert.equal((await withHeaders("GET", path, { "if-none-match": String(etag) })).status, 200);
    }
  });

  test("a refused precondition leaves nothing", async () => {
    const { id } = await makeGroup();
    const before = await contents(server.store);
    await withHeaders("DELETE", `/groups/${id}`, { "if-match": '"x"' });
    assert.deepEqual(await contents(server.store), before);
  });
});
