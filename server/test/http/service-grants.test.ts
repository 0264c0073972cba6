import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { redeemShareLink } from "../../src/commands/redeem-share-link.ts";
import { hashToken } from "../../src/domain/token.ts";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { getService } from "../../src/store/services.ts";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

const target = {
  target_id: CLUSTER,
  target_type: "cluster",
  host: "127.0.0.1",
  protocol: "http",
  port: 1,
  options: { direct_upstream: true },
};
const auth = { token_auth: { enabled: true }, share_link_auth: { enabled: true } };

suite("tokens and share links of a service over REST", () => {
  let server: RestServer;
  let path: string;
  let id: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    ({ id } = await make("s", { auth }));
    path = `/reverse-proxies/services/${id}`;
  });
  teardown(() => server.close());

  async function make(name: string, more: object) {
    const body = { name, domain: `${name}.${CLUSTER}`, targets: [target], ...more };
    const answer = await server.call("POST", "/reverse-proxies/services", body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  }
  const stored = async () => (await getService(server.store.db, server.account, id))!;
  const use = (secret: string, serviceId = id) =>
    redeemShareLink(server.context, server.account, serviceId, secret);

  test("a token is shown once, kept as a hash, known to proxies by a new revision, and deleted", async () => {
    const before = await stored();
    const made = await server.call("POST", `${path}/tokens`, { name: "ci", expires_in: 3600 });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.equal(made.headers["cache-control"], "no-store");
    const { plain_token: plain, ...shown } = made.body;
    assert.match(plain, /^nbs_[0-9A-Za-z]{36}$/);
    assert.equal(Date.parse(shown.expires_at) - Date.parse(shown.created_at), 3_600_000);
    assert.deepEqual((await server.call("GET", `${path}/tokens`)).body, [shown]);
    const after = await stored();
    assert.deepEqual(
      [after.grants.tokens[0]!.hash, after.revision > before.revision],
      [hashToken(plain), true],
    );
    assert.ok(!JSON.stringify(after).includes(plain));

    const again = await server.call("POST", `${path}/tokens`, { name: "ci" });
    assert.deepEqual(
      [again.status, again.body.error.code, again.body.error.path],
      [422, "service_token.invalid", "name"],
    );

    assert.equal((await server.call("DELETE", `${path}/tokens/${shown.id}`)).status, 200);
    assert.deepEqual((await stored()).grants.tokens, []);
    const gone = await server.call("DELETE", `${path}/tokens/${shown.id}`);
    assert.deepEqual([gone.status, gone.body.error.code], [404, "service_token.not_found"]);
    const events = (await listAuditEvents(server.store.db, server.account, 2)).map((one) => one.activityCode);
    assert.deepEqual(events.sort(), ["service.token.create", "service.token.delete"]);
  });

  test("survive a full replacement of the service, and are no part of it", async () => {
    const { body: made } = await server.call("POST", `${path}/tokens`, { name: "ci" });
    const { body: service } = await server.call("GET", path);
    assert.deepEqual(service.auth, auth);
    const { status } = await server.call("PUT", path, {
      ...service,
      name: "renamed",
      warnings: undefined,
      url: undefined,
    });
    assert.equal(status, 200);
    assert.deepEqual(
      (await stored()).grants.tokens.map((one) => one.id),
      [made.id],
    );
  });

  test("a dry run makes none", async () => {
    assert.equal((await server.call("POST", `${path}/tokens?dry_run=true`, { name: "ci" })).status, 200);
    assert.deepEqual((await stored()).grants.tokens, []);
  });

  for (const [what, kind, body, field] of [
    ["a token without a name", "tokens", {}, "name"],
    ["a name that is no header value", "tokens", { name: "a\u00e4" }, "name"],
    ["a negative lifetime", "tokens", { name: "a", expires_in: -1 }, "expires_in"],
    ["a link that never ends", "share-links", { name: "a" }, "expires_in"],
    ["negative uses", "share-links", { name: "a", expires_in: 60, max_uses: -1 }, "max_uses"],
    ["a link to another host", "share-links", { name: "a", expires_in: 60, path: "//evil.example" }, "path"],
    [
      "a link with a backslash",
      "share-links",
      { name: "a", expires_in: 60, path: "/\\evil.example" },
      "path",
    ],
  ] as const) {
    test(`${what} is refused, and nothing is kept`, async () => {
      const { status, body: answer } = await server.call("POST", `${path}/${kind}`, body);
      assert.deepEqual([status, answer.error.path], [422, field]);
      assert.deepEqual((await stored()).grants, { tokens: [], links: [] });
    });
  }

  test("need the service to take them, and say which field is missing", async () => {
    const { id: other } = await make("t", { auth: { pin_auth: { enabled: true, pin: "123456" } } });
    for (const [kind, body, hint] of [
      ["tokens", { name: "a" }, /auth\.token_auth\.enabled/],
      ["share-links", { name: "a", expires_in: 60 }, /auth\.share_link_auth\.enabled/],
    ] as const) {
      const answer = await server.call("POST", `/reverse-proxies/services/${other}/${kind}`, body);
      assert.equal(answer.status, 422);
      assert.match(answer.body.error.hint, hint);
    }
  });

  test("are not available in other modes", async () => {
    const answer = await server.call("POST", "/reverse-proxies/services", {
      name: "u",
      domain: `u.${CLUSTER}`,
      mode: "tls",
      listen_port: 8443,
      targets: [{ ...target, protocol: "tcp" }],
      auth: { token_auth: { enabled: true } },
    });
    assert.deepEqual([answer.status, answer.body.error.path], [422, "auth.token_auth"]);
  });

  test("a service with nothing but tokens is not said to be open", async () => {
    const made = await make("v", { auth: { token_auth: { enabled: true } } });
    assert.deepEqual(made.warnings, []);
  });

  test("a link is exchanged as often as it says, also when many ask at once", async () => {
    const wanted = { name: "for ann", expires_in: 3600, max_uses: 3, path: "/report?week=7" };
    const { body: made } = await server.call("POST", `${path}/share-links`, wanted);
    const [, secret = ""] =
      /^https:\/\/s\.[^/]+\/\.netbird\/share\/(nbl_[0-9A-Za-z]{36})$/.exec(made.url) ?? [];
    assert.notEqual(secret, "");
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => use(secret)));
    assert.equal(outcomes.filter(({ ok }) => ok).length, 3);
    assert.deepEqual(
      outcomes.filter(({ ok }) => !ok),
      Array.from({ length: 7 }, () => ({ ok: false, why: "used-up" })),
    );
    const good = outcomes.find((one) => one.ok)!;
    assert.ok(good.ok && good.path === "/report?week=7");
    const [listed] = (await server.call("GET", `${path}/share-links`)).body;
    assert.deepEqual([listed.uses, listed.max_uses], [3, 3]);
    assert.ok(!("url" in listed));
  });

  test("a link works for its own service and account, until its time, and until it is deleted", async () => {
    const make = async (name: string) => {
      const { body } = await server.call("POST", `${path}/share-links`, { name, expires_in: 60 });
      return { id: body.id as string, secret: String(body.url).split("/share/")[1]! };
    };
    const link = await make("one");
    const other = await server.call("POST", "/reverse-proxies/services", {
      name: "w",
      domain: `w.${CLUSTER}`,
      targets: [target],
      auth,
    });
    assert.deepEqual(await use(link.secret, other.body.id), { ok: false, why: "unknown" });
    assert.deepEqual(await redeemShareLink(server.context, "someone" as AccountId, id, link.secret), {
      ok: false,
      why: "unknown",
    });
    const swapped = link.secret.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    assert.deepEqual(await use(swapped), { ok: false, why: "unknown" });
    assert.equal((await use(link.secret)).ok, true);
    const later = { ...server.context, nowMs: () => server.context.nowMs() + 61_000 };
    assert.deepEqual(await redeemShareLink(later, server.account, id, link.secret), {
      ok: false,
      why: "expired",
    });
    await server.call("DELETE", `${path}/share-links/${link.id}`);
    assert.deepEqual(await use(link.secret), { ok: false, why: "unknown" });
  });
});
