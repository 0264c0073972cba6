import assert from "node:assert/strict";
import { InviteInfo, InviteRegenerated, UserInvite } from "@netbird-proxy/proto/rest";
import { Browser } from "../support/browser.ts";
import {
  assertConforms,
  contents,
  PUBLIC_URL,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const PASSWORD = "Better-Horse-2";

suite("invitations over REST", () => {
  let server: RestServer;
  let staff: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    staff = (await server.call("POST", "/groups", { name: "staff" })).body.id;
  });
  teardown(() => server.close());

  const ann = (change: Record<string, unknown> = {}) => ({
    email: "ann@example.com",
    name: "Ann",
    role: "auditor",
    auto_groups: [staff],
    ...change,
  });
  const invite = async (change = {}) => {
    const { status, body, text } = await server.call("POST", "/users/invites", ann(change));
    assert.equal(status, 200, text);
    return body;
  };
  const accept = (token: string, password = PASSWORD) =>
    server.call("POST", `/users/invites/${token}/accept`, { password }, null);
  const info = (token: string) => server.call("GET", `/users/invites/${token}`, undefined, null);

  test("the token is shown once, and leads to a user with a password", async () => {
    const made = await invite();
    assertConforms(UserInvite, made);
    assert.match(made.invite_token, /^nbi_\w{36}$/);
    assert.equal(made.invite_url, `${PUBLIC_URL}/invite/${made.invite_token}`);
    assert.equal(Date.parse(made.expires_at) - Date.parse(made.created_at), 259_200_000);
    const [listed] = (await server.call("GET", "/users/invites")).body;
    const { invite_token: token, invite_url: _, ...rest } = made;
    assert.deepEqual(listed, rest);
    const seen = (await info(token)).body;
    assertConforms(InviteInfo, seen);
    assert.deepEqual(seen, {
      email: "ann@example.com",
      name: "Ann",
      expires_at: made.expires_at,
      valid: true,
      invited_by: "Owner",
    });
    assert.deepEqual((await accept(token)).body, { success: true });
    const users = (await server.call("GET", "/users?service_user=false")).body;
    const user = users.find(({ email }: { email: string }) => email === "ann@example.com");
    assert.deepEqual(
      [user.role, user.auto_groups, user.status, user.idp_id],
      ["auditor", [staff], "active", "local"],
    );
    assert.deepEqual((await server.call("GET", "/users/invites")).body, []);
    assert.equal((await accept(token)).status, 404);
    const codes = (await server.call("GET", "/events")).body
      .map(({ activity_code: code }: { activity_code: string }) => code)
      .filter((code: string) => code.startsWith("user."));
    assert.deepEqual(codes.reverse(), ["user.invite", "user.invite.accept"]);
  });

  test("what cannot be invited", async () => {
    await invite({ email: "bob@example.com" });
    const before = await contents(server.store);
    const cases: [Record<string, unknown>, number, string, string][] = [
      [{ email: "ann" }, 422, "invite.invalid", "email"],
      [{ email: undefined }, 422, "invite.invalid", "email"],
      [{ name: "" }, 422, "invite.invalid", "name"],
      [{ role: "root" }, 422, "user.invalid", "role"],
      [{ role: "owner" }, 422, "invite.invalid", "role"],
      [{ auto_groups: ["nothing"] }, 422, "invite.invalid", "auto_groups[0]"],
      [{ expires_in: 3599 }, 422, "invite.invalid", "expires_in"],
      [{ expires_in: 40_000_000 }, 422, "invite.invalid", "expires_in"],
      [{ expires_in: "soon" }, 400, "request.malformed", "expires_in"],
      [{ email: "Owner@example.com" }, 409, "user.email_taken", "email"],
      [{ email: "BOB@example.com" }, 409, "invite.exists", "email"],
    ];
    for (const [change, status, code, path] of cases) {
      const answer = await server.call("POST", "/users/invites", ann(change));
      assert.deepEqual(refusal(answer), { status, code, path }, JSON.stringify(change));
    }
    assert.equal((await server.call("POST", "/users/invites?dry_run=true", ann())).status, 200);
    assert.deepEqual(await contents(server.store), before);
  });

  test("an expired one is worth nothing until it is regenerated, and the old token stays worthless", async () => {
    const { id, invite_token: old } = await invite({ expires_in: 3600 });
    server.nowMs += 3_600_000;
    assert.equal((await info(old)).body.valid, false);
    assert.equal((await server.call("GET", "/users/invites")).body[0].expired, true);
    assert.deepEqual(refusal(await accept(old)), { status: 422, code: "invite.expired", path: "" });
    const fresh = (await server.call("POST", `/users/invites/${id}/regenerate`, { expires_in: 7200 })).body;
    assertConforms(InviteRegenerated, fresh);
    assert.equal(Date.parse(fresh.invite_expires_at), server.nowMs + 7_200_000);
    assert.equal((await accept(old)).status, 404);
    assert.equal((await accept(fresh.invite_token)).status, 200);
    assert.equal((await server.call("POST", "/users/invites/gone/regenerate", {})).status, 404);
  });

  test("one that was taken back is gone", async () => {
    const { id, invite_token: token } = await invite();
    assert.deepEqual((await server.call("DELETE", `/users/invites/${id}`)).body, {});
    assert.equal((await server.call("DELETE", `/users/invites/${id}`)).status, 404);
    assert.deepEqual(refusal(await info(token)), { status: 404, code: "invite.not_found", path: "" });
  });

  test("a weak password says what it needs and costs nothing", async () => {
    const { invite_token: token } = await invite();
    for (const [password, wanted] of [
      ["short", /8 characters, a digit, an upper-case letter, a special character/],
      ["nodigits-Here", /a digit/],
      ["noupper-case1", /an upper-case letter/],
      ["NoSpecial1234", /a special character/],
    ] as const) {
      const answer = await accept(token, password);
      assert.deepEqual(refusal(answer), { status: 422, code: "user.invalid", path: "password" });
      assert.match(answer.body.message, wanted);
    }
  });

  test("tokens cannot be guessed fast", async () => {
    const statuses = [];
    for (let n = 0; n < 7; n += 1) statuses.push((await info("nbi_x")).status);
    assert.deepEqual(statuses, [404, 404, 404, 404, 404, 429, 429]);
  });

  test("the page of the link does it without JavaScript", async () => {
    const { invite_url: url } = await invite({ name: `<b>"Ann"</b>` });
    const browser = new Browser(server.app, PUBLIC_URL);
    const page = await browser.go(url);
    assert.equal(page.status, 200);
    assert.match(page.text, /Owner invites you/);
    assert.doesNotMatch(page.text, /<b>|<script/);
    const weak = await browser.go(url, { password: "weak" });
    assert.equal(weak.status, 422);
    assert.match(weak.text, /role="alert">The password needs/);
    const done = await browser.go(url, { password: PASSWORD });
    assert.match(done.text, /You are in/);
    const again = await browser.go(url);
    assert.equal(again.status, 404);
    assert.match(again.text, /was used already/);
  });
});
