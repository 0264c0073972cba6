import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import type { AccountId, UserId } from "@netbird-proxy/proto";
import { AccessLogPage } from "@netbird-proxy/proto/rest";
import { type AccessLogEntry, insertAccessLogs } from "../../src/store/access-logs.ts";
import { insertUser } from "../../src/store/users.ts";
import { accessLogEntry } from "../support/access-log-entry.ts";
import { assertConforms, type RestServer, startRestServer } from "../support/rest-server.ts";

const START = Date.parse("2026-08-22T10:00:00.000Z");

suite("access logs over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  let seconds = 0;
  const entry = (id: string, change: Partial<AccessLogEntry> = {}): AccessLogEntry => {
    seconds += 1;
    return accessLogEntry(server.account, id, { timestamp: START + seconds * 1000, ...change });
  };
  const store = async (...entries: AccessLogEntry[]) => insertAccessLogs(server.store.db, entries);
  const page = async (query = ""): Promise<AccessLogPage> => {
    const { status, body, text } = await server.call("GET", `/events/proxy${query}`);
    assert.equal(status, 200, text);
    assertConforms(AccessLogPage, body);
    return body;
  };
  const ids = async (query: string) => (await page(query)).data.map(({ id }) => id).join(" ");
  const addUser = async (id: string, email: string, name: string) =>
    insertUser(server.store.db, {
      id: id as UserId,
      accountId: server.account,
      email,
      name,
      role: "user",
      passwordHash: null,
      isServiceUser: false,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: [],
      lastLogin: null,
      signedOutAt: null,
      createdAt: 1,
    });

  test("none is an empty page", async () => {
    assert.deepEqual(await page(), { data: [], page: 1, page_size: 50, total_records: 0, total_pages: 0 });
  });

  test("an entry leaves out what is empty", async () => {
    seconds = 0;
    await store(
      entry("plain", { protocol: "" }),
      entry("full", {
        reason: "Authentication failed",
        userId: "u",
        authMethod: "password",
        countryCode: "DE",
        cityName: "Berlin",
        subdivisionCode: "BE",
        metadata: { rule: "country" },
      }),
    );
    const [full, plain] = (await page()).data;
    assert.deepEqual(plain, {
      id: "plain",
      service_id: "service",
      timestamp: "2026-08-22T10:00:01.000Z",
      method: "GET",
      host: "shop.example.com",
      path: "/",
      duration_ms: 5,
      status_code: 200,
      bytes_upload: 1,
      bytes_download: 2,
      source_ip: "198.51.100.1",
    });
    const { reason, user_id, auth_method_used, country_code, city_name, subdivision_code, metadata } = full!;
    assert.deepEqual(
      [reason, user_id, auth_method_used, country_code, city_name, subdivision_code, metadata],
      ["Authentication failed", "u", "password", "DE", "Berlin", "BE", { rule: "country" }],
    );
  });

  test("pages", async () => {
    await store(...Array.from({ length: 120 }, (_, n) => entry(`e${String(n).padStart(3, "0")}`)));
    const cases: [string, number, number, number, number][] = [
      ["", 1, 50, 50, 3],
      ["?page=3", 3, 50, 20, 3],
      ["?page=4", 4, 50, 0, 3],
      ["?page=2000000000", 2_000_000_000, 50, 0, 3],
      ["?page_size=100", 1, 100, 100, 2],
      ["?page_size=1000", 1, 100, 100, 2],
      ["?page_size=7&page=18", 18, 7, 1, 18],
      ["?page=0&page_size=0", 1, 50, 50, 3],
      ["?page=-1&page_size=-1", 1, 50, 50, 3],
      ["?page=x&page_size=1.5", 1, 50, 50, 3],
      ["?page=&page_size=", 1, 50, 50, 3],
      ["?page=99999999999999999999", 1, 50, 50, 3],
      ["?page=2&page=3", 2, 50, 50, 3],
    ];
    for (const [query, number, size, length, pages] of cases) {
      const { data, ...rest } = await page(query);
      assert.deepEqual(
        [data.length, rest],
        [length, { page: number, page_size: size, total_records: 120, total_pages: pages }],
        query,
      );
    }
    const [first] = (await page("?page=2")).data;
    assert.equal(first!.id, "e069", "newest first");
  });

  test("every order, both ways", async () => {
    await store(
      entry("a", { host: "b.example.com", path: "/2", method: "POST", statusCode: 500, durationMs: 1 }),
      entry("b", { host: "a.example.com", path: "/3", method: "PUT", statusCode: 200, durationMs: 30 }),
      entry("c", { host: "b.example.com", path: "/1", method: "GET", statusCode: 404, durationMs: 4 }),
    );
    const more = {
      a: ["9.9.9.9", "u2", "pin", "r1"],
      b: ["1.1.1.1", "u3", "sso", "r3"],
      c: ["5.5.5.5", "u1", "header", "r2"],
    };
    for (const [id, [source_ip, user_id, auth_method, reason]] of Object.entries(more)) {
      await server.store.db("access_logs").where({ id }).update({ source_ip, user_id, auth_method, reason });
    }
    const ascending: [string, string][] = [
      ["timestamp", "a b c"],
      ["url", "b c a"],
      ["host", "b a c"],
      ["path", "c a b"],
      ["method", "c a b"],
      ["status_code", "b c a"],
      ["duration", "a c b"],
      ["source_ip", "b c a"],
      ["user_id", "c a b"],
      ["auth_method", "c a b"],
      ["reason", "a c b"],
      ["unknown", "a b c"],
      ["id; drop table access_logs", "a b c"],
    ];
    for (const [key, expected] of ascending) {
      const sortBy = `sort_by=${encodeURIComponent(key)}`;
      assert.equal(await ids(`?${sortBy}&sort_order=ASC`), expected, key);
      const reversed = expected.split(" ").reverse().join(" ");
      assert.equal(await ids(`?${sortBy}&sort_order=Desc`), reversed, key);
      assert.equal(await ids(`?${sortBy}&sort_order=sideways`), reversed, key);
    }
    assert.equal(await ids(""), "c b a");
  });

  test("every filter", async () => {
    await addUser("u-ann", "ann@example.com", "Ann Smith");
    await addUser("u-anna", "anna@example.org", "Anna Jones");
    seconds = 0;
    await store(
      entry("a", { userId: "u-ann", path: "/Cart/100%", statusCode: 399 }),
      entry("b", { userId: "u-anna", method: "POST", host: "blog.example.com", statusCode: 400 }),
      entry("c", { sourceIp: "2001:db8::1", path: "/api_v1", statusCode: 199 }),
      entry("d", { method: "", host: "", path: "", protocol: "tcp", statusCode: 0, userId: "u-gone" }),
    );
    const cases: [string, string][] = [
      ["source_ip=198.51.100.1", "a b d"],
      ["source_ip=198.51.100", ""],
      ["source_ip=2001:DB8:0::1", "c"],
      ["source_ip=nonsense", ""],
      ["host=blog.example.com", "b"],
      ["host=example.com", ""],
      ["method=POST", "b"],
      ["method=post", ""],
      ["user_id=u-ann", "a"],
      ["user_id=nobody", ""],
      ["user_email=EXAMPLE.org", "b"],
      ["user_email=ann", "a b"],
      ["user_name=smith", "a"],
      ["user_name=smith&user_id=u-anna", "a"],
      ["user_name=anna&user_email=example.com", ""],
      ["user_email=nobody", ""],
      ["user_name=nobody&user_id=u-ann", ""],
      ["user_email=&user_id=u-ann", "a"],
      ["path=cart", "a"],
      ["path=00%25", "a"],
      ["path=_", "c"],
      ["path=!", ""],
      ["status=success", "a"],
      ["status=failed", "b c d"],
      ["status=other", "a b c d"],
      ["status_code=400", "b"],
      ["status_code=0", "a b c d"],
      ["status_code=x", "a b c d"],
      ["start_date=2026-08-22T10:00:02Z", "b c d"],
      ["end_date=2026-08-22T10:00:02Z", "a b"],
      ["start_date=2026-08-22T12:00:03%2B02:00&end_date=2026-08-22T10:00:03.000Z", "c"],
      ["start_date=yesterday&end_date=2026-08-22", "a b c d"],
      ["start_date=2026-13-45T10:00:02Z", "a b c d"],
      ["search=blog", "b"],
      ["search=EXAMPLE.COM/api", "c"],
      ["search=198.51", "a b d"],
      ["search=ann@example", "a"],
      ["search=Jones", "b"],
      ["search=d", "c d"],
      ["search=%25", "a"],
      ["search=nothing+like+this", ""],
      ["search=", "a b c d"],
      ["search=ann&status=failed", "b"],
      ["search=a'--", ""],
      ["unknown=1", "a b c d"],
    ];
    for (const [query, expected] of cases) {
      assert.equal(await ids(`?sort_order=asc&${query}`), expected, query);
      const { total_records } = await page(`?${query}`);
      assert.equal(total_records, expected === "" ? 0 : expected.split(" ").length, query);
    }
  });

  test("another account's entries are not there", async () => {
    const [row] = await server.store.db("accounts");
    await server.store.db("accounts").insert({ ...row, id: "other" });
    await store(entry("theirs", { accountId: "other" as AccountId }));
    assert.equal((await page("?search=theirs")).total_records, 0);
  });

  const exported = async (query = "", headers: Record<string, string> = {}) =>
    server.app.inject({
      method: "GET",
      url: `/api/events/proxy/export${query}`,
      headers: { authorization: `Token ${server.token}`, ...headers },
    });
  const linesOf = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string });

  test("an export has every matching entry once, the oldest first, however many share a moment", async () => {
    const entries = Array.from({ length: 2_500 }, (_, n) =>
      entry(`e${String(n).padStart(4, "0")}`, {
        // Pages of the export end in the middle of a moment.
        timestamp: START + Math.floor(n / 700) * 1000,
        statusCode: n % 2 ? 200 : 500,
      }),
    );
    for (let at = 0; at < entries.length; at += 500) await store(...entries.slice(at, at + 500));
    const { statusCode, headers, body } = await exported("?status=failed");
    assert.equal(statusCode, 200);
    assert.match(String(headers["content-type"]), /^application\/x-ndjson/);
    assert.match(String(headers["content-disposition"]), /filename="access-logs\.jsonl"/);
    assert.deepEqual(
      linesOf(body).map(({ id }) => id),
      entries.filter(({ statusCode: status }) => status === 500).map(({ id }) => id),
    );
    const [first] = linesOf(body);
    assert.deepEqual(first, (await page("?sort_order=asc&status=failed")).data[0]);
  });

  test("an export is compressed for those who take it, and empty when nothing matches", async () => {
    await store(entry("one"));
    const { headers, rawPayload } = await exported("", { "accept-encoding": "br, gzip" });
    assert.equal(headers["content-encoding"], "gzip");
    assert.deepEqual(
      linesOf(gunzipSync(rawPayload).toString()).map(({ id }) => id),
      ["one"],
    );
    assert.equal(
      (await exported("", { "accept-encoding": "gzip;q=0" })).headers["content-encoding"],
      undefined,
    );
    assert.equal((await exported("?host=nobody.example")).body, "");
  });

  test("an export needs the rights of the list", async () => {
    assert.equal((await server.call("GET", "/events/proxy/export", undefined, null)).status, 401);
    assert.equal((await server.call("GET", "/events/audit/export", undefined, null)).status, 401);
  });

  test("audit events are exported the oldest first", async () => {
    await server.call("POST", "/groups", { name: "one" });
    await server.call("POST", "/groups", { name: "two" });
    const { text } = await server.call("GET", "/events/audit/export");
    const codes = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).activity_code);
    const { body } = await server.call("GET", "/events");
    assert.deepEqual(codes, body.map((event: { activity_code: string }) => event.activity_code).reverse());
    assert.deepEqual(codes.slice(-2), ["group.add", "group.add"]);
  });
});
