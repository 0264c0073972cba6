import assert from "node:assert/strict";
import type { UserId } from "@netbird-proxy/proto";
import { User } from "@netbird-proxy/proto/rest";
import { insertUser, type User as StoredUser, updateUser } from "../../src/store/users.ts";
import {
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("users over REST", () => {
  let server: RestServer;
  let owner: User;
  let staff: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    owner = (await server.call("GET", "/users/current")).body;
    staff = (await server.call("POST", "/groups", { name: "staff" })).body.id;
  });
  teardown(() => server.close());

  const program = (change = {}) => ({
    name: "ci",
    role: "user",
    auto_groups: [],
    is_service_user: true,
    ...change,
  });
  const create = async (change = {}): Promise<User> =>
    (await server.call("POST", "/users", program(change))).body;
  const tokenOf = async (id: string): Promise<string> =>
    (await server.call("POST", `/users/${id}/tokens`, { name: "t", expires_in: 1 })).body.plain_token;
  const put = (id: string, change: Record<string, unknown> = {}, token = server.token) =>
    server.call(
      "PUT",
      `/users/${id}`,
      { role: "user", auto_groups: [], is_blocked: false, ...change },
      token,
    );
  /** A person, as only an identity provider could bring one. */
  const person = async (id: string, change: Partial<StoredUser> = {}): Promise<string> => {
    await insertUser(server.store.db, {
      id: id as UserId,
      accountId: server.account,
      email: `${id}@example.com`,
      name: id,
      role: "user",
      passwordHash: null,
      isServiceUser: false,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: [],
      lastLogin: null,
      signedOutAt: null,
      createdAt: server.nowMs,
      ...change,
    });
    return id;
  };
  const events = async () =>
    (await server.call("GET", "/events")).body
      .filter(({ target_id }: { target_id: string }) => target_id !== owner.id)
      .filter(({ activity_code: code }: { activity_code: string }) => /user|owner/.test(code))
      .map((event: Record<string, unknown>) => event.activity_code)
      .reverse();
  const denied = (path: string) => ({ status: 403, code: "auth.permission_denied", path });

  test("a service user has every field that clients read", async () => {
    const made = await create({ role: "Network_Admin", auto_groups: ["unchecked"] });
    assertConforms(User, made);
    assert.deepEqual(made, {
      id: made.id,
      email: "",
      name: "ci",
      role: "network_admin",
      status: "active",
      auto_groups: ["unchecked"],
      is_blocked: false,
      pending_approval: false,
      is_current: false,
      is_service_user: true,
      issued: "api",
      last_login: "0001-01-01T00:00:00Z",
    });
    assert.match(made.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    const listed = (await server.call("GET", "/users?service_user=true")).body;
    assert.deepEqual(listed, [made]);
    assert.deepEqual((await server.call("GET", "/users?service_user=false")).body, [
      { ...(await server.call("GET", "/users")).body[0] },
    ]);
    assert.deepEqual(await create({ auto_groups: undefined }).then((one) => one.auto_groups), []);
  });

  test("who cannot be made", async () => {
    const before = await contents(server.store);
    const human = { is_service_user: false, name: "Ann", email: "ann@example.com" };
    const cases: [Record<string, unknown>, number, string, string][] = [
      [{ role: "root" }, 422, "user.invalid", "role"],
      [{ role: undefined }, 422, "user.invalid", "role"],
      [{ role: "owner" }, 422, "user.invalid", "role"],
      [{ ...human, role: "OWNER" }, 422, "user.invalid", "role"],
      [{ name: "" }, 422, "user.invalid", "name"],
      [{ ...human, name: "" }, 422, "user.invalid", "name"],
      [{ ...human, email: "" }, 422, "user.invalid", "email"],
      [{ ...human, email: "Owner@example.com" }, 409, "user.email_taken", "email"],
      [{ ...human, email: "ann" }, 422, "user.invalid", "email"],
      [{ ...human, is_service_user: undefined, email: "" }, 422, "user.invalid", "email"],
      [{ role: 1 }, 400, "request.malformed", "role"],
    ];
    for (const [change, status, code, path] of cases) {
      const answer = await server.call("POST", "/users", program(change));
      assert.deepEqual(refusal(answer), { status, code, path }, JSON.stringify(change));
    }
    assert.equal((await server.call("POST", "/users?dry_run=true", program())).body.name, "ci");
    assert.deepEqual(await contents(server.store), before);
  });

  test("role, groups and block are replaced, with an event for each", async () => {
    const { id } = await create();
    const changed = await put(id, { role: "Auditor", auto_groups: [staff], is_blocked: true });
    assertConforms(User, changed.body);
    const { role, auto_groups, is_blocked, status } = changed.body;
    assert.deepEqual([role, auto_groups, is_blocked, status], ["auditor", [staff], true, "blocked"]);
    const back = (await put(id, { is_blocked: undefined })).body;
    assert.deepEqual([back.role, back.auto_groups, back.status], ["user", [], "active"]);
    const before = await contents(server.store);
    assert.equal((await put(id)).status, 200);
    const dry = await server.call("PUT", `/users/${id}?dry_run=true`, {
      role: "admin",
      auto_groups: [staff],
    });
    assert.equal(dry.body.role, "admin");
    assert.deepEqual(await contents(server.store), before);
    assert.deepEqual(await events(), [
      "service.user.create",
      "user.role.update",
      "user.block",
      "user.group.add",
      "user.role.update",
      "user.unblock",
      "user.group.delete",
    ]);
  });

  test("events about a user name the user", async () => {
    const id = await person("ann");
    await put(id, { auto_groups: [staff] });
    const [event] = (await server.call("GET", "/events")).body;
    const { activity, activity_code, initiator_email, target_id, meta } = event;
    assert.deepEqual(
      [activity, activity_code, initiator_email, target_id],
      ["Group added to user", "user.group.add", "owner@example.com", "ann"],
    );
    assert.deepEqual(meta, {
      group: "staff",
      group_id: staff,
      user_name: "ann",
      is_service_user: "false",
      email: "ann@example.com",
      username: "ann",
    });
  });

  test("changes that are not allowed leave nothing", async () => {
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const { id } = await create();
    const admin = await create({ name: "admin", role: "admin" });
    const auditor = await create({ name: "auditor", role: "auditor" });
    const adminToken = await tokenOf(admin.id);
    const auditorToken = await tokenOf(auditor.id);
    const ann = await person("ann");
    const waiting = await person("waiting", { isBlocked: true, pendingApproval: true });
    const before = await contents(server.store);
    const invalid = (path: string) => ({ status: 422, code: "user.invalid", path });
    const cases: [string, string, Record<string, unknown>, object, string?][] = [
      [
        "no groups",
        id,
        { auto_groups: undefined },
        { status: 400, code: "request.malformed", path: "auto_groups" },
      ],
      [
        "null groups",
        id,
        { auto_groups: null },
        { status: 400, code: "request.malformed", path: "auto_groups" },
      ],
      ["a group that is gone", id, { auto_groups: [staff, "gone"] }, invalid("auto_groups[1]")],
      ["the group All", id, { auto_groups: [all.id] }, invalid("auto_groups[0]")],
      ["no role", id, { role: undefined }, invalid("role")],
      ["a role that is none", id, { role: "root" }, invalid("role")],
      ["nobody", "nobody", {}, { status: 404, code: "user.not_found", path: "" }],
      ["no rights", id, {}, denied(""), auditorToken],
      ["own role", owner.id, { role: "admin" }, denied("role")],
      ["own block", owner.id, { role: "owner", is_blocked: true }, denied("is_blocked")],
      ["an admin's own role", admin.id, { role: "user" }, denied("role"), adminToken],
      ["the owner's role", owner.id, { role: "user" }, denied("role"), adminToken],
      ["blocking the owner", owner.id, { role: "owner", is_blocked: true }, denied("is_blocked"), adminToken],
      ["an admin makes an owner", ann, { role: "owner" }, denied("role"), adminToken],
      ["a service user as owner", id, { role: "owner" }, denied("role")],
      ["a blocked owner", ann, { role: "owner", is_blocked: true }, denied("is_blocked")],
      ["letting in without approval", waiting, {}, invalid("is_blocked")],
    ];
    for (const [what, user, change, expected, token] of cases) {
      assert.deepEqual(refusal(await put(user, change, token)), expected, what);
    }
    assert.deepEqual(await contents(server.store), before);
    assert.match((await put("nobody")).body.message, /not found/);
  });

  test("the owner keeps role and changes groups; an admin may change the owner's groups", async () => {
    const mine = await put(owner.id, { role: "owner", auto_groups: [staff] });
    assert.deepEqual([mine.status, mine.body.auto_groups], [200, [staff]]);
    const admin = await create({ name: "admin", role: "admin" });
    const theirs = await put(owner.id, { role: "owner" }, await tokenOf(admin.id));
    assert.deepEqual([theirs.status, theirs.body.auto_groups], [200, []]);
  });

  test("an owner who makes somebody else the owner becomes an admin", async () => {
    const ann = await person("ann");
    assert.equal((await put(ann, { role: "owner" })).body.role, "owner");
    assert.equal((await server.call("GET", "/users/current")).body.role, "admin");
    assert.deepEqual(await events(), ["transferred.owner.role"]);
  });

  test("somebody who waits is let in or turned away", async () => {
    const waiting = { isBlocked: true, pendingApproval: true };
    const [ann, bob] = [await person("ann", waiting), await person("bob", waiting)];
    const before = await contents(server.store);
    assert.equal((await server.call("POST", `/users/${ann}/approve?dry_run=true`)).status, 200);
    assert.equal((await server.call("DELETE", `/users/${bob}/reject?dry_run=true`)).status, 200);
    assert.deepEqual(await contents(server.store), before);

    const approved = await server.call("POST", `/users/${ann}/approve`);
    assertConforms(User, approved.body);
    const { is_blocked, pending_approval, status } = approved.body;
    assert.deepEqual([approved.status, is_blocked, pending_approval, status], [200, false, false, "active"]);
    assert.deepEqual((await server.call("DELETE", `/users/${bob}/reject`)).body, {});
    assert.deepEqual(await events(), ["user.approve", "user.reject"]);

    const notPending = { status: 422, code: "user.invalid", path: "" };
    const missing = { status: 404, code: "user.not_found", path: "" };
    for (const [id, expected] of [
      [ann, notPending],
      [bob, missing],
    ] as const) {
      assert.deepEqual(refusal(await server.call("POST", `/users/${id}/approve`)), expected);
      assert.deepEqual(refusal(await server.call("DELETE", `/users/${id}/reject`)), expected);
    }
    const auditor = await tokenOf((await create({ role: "auditor" })).id);
    assert.deepEqual(
      refusal(await server.call("POST", `/users/${ann}/approve`, undefined, auditor)),
      denied(""),
    );
    assert.deepEqual(
      refusal(await server.call("DELETE", `/users/${ann}/reject`, undefined, auditor)),
      denied(""),
    );
  });

  test("users are deleted with their tokens, but not the owner and not oneself", async () => {
    const made = await create({ role: "admin" });
    const token = await tokenOf(made.id);
    const invalid = { status: 422, code: "user.invalid", path: "" };
    assert.deepEqual(refusal(await server.call("DELETE", `/users/${owner.id}`)), invalid);
    assert.deepEqual(refusal(await server.call("DELETE", `/users/${made.id}`, undefined, token)), invalid);
    assert.deepEqual(
      refusal(await server.call("DELETE", `/users/${owner.id}`, undefined, token)),
      denied(""),
    );
    assert.equal((await server.call("DELETE", `/users/${made.id}?dry_run=true`)).status, 200);
    assert.deepEqual((await server.call("DELETE", `/users/${made.id}`)).body, {});
    const gone = await server.call("DELETE", `/users/${made.id}`);
    assert.deepEqual(refusal(gone), { status: 404, code: "user.not_found", path: "" });
    assert.equal((await server.call("GET", "/groups", undefined, token)).status, 401);
    await server.call("DELETE", `/users/${await person("ann")}`);
    const codes = await events();
    assert.deepEqual(codes.slice(-2), ["service.user.delete", "user.delete"]);
  });

  test("another account's user reads as missing", async () => {
    const { db } = server.store;
    const [row] = await db("accounts");
    await db("accounts").insert({ ...row, id: "other" });
    await person("theirs", { accountId: "other" as StoredUser["accountId"] });
    for (const answer of [
      await put("theirs"),
      await server.call("DELETE", "/users/theirs"),
      await server.call("POST", "/users/theirs/approve"),
    ]) {
      assert.deepEqual(refusal(answer), { status: 404, code: "user.not_found", path: "" });
    }
  });

  test("a person gets a password that is shown once, and can be made only once", async () => {
    const ann = { name: "Ann", email: "ann@example.com", role: "user", auto_groups: [staff] };
    const dry = await server.call("POST", "/users?dry_run=true", ann);
    assert.equal(dry.status, 200);
    const made = (await server.call("POST", "/users", ann)).body;
    assertConforms(User, made);
    const { password, ...rest } = made;
    assert.match(password, /^.{24}$/);
    assert.deepEqual(rest, {
      id: made.id,
      email: "ann@example.com",
      name: "Ann",
      role: "user",
      status: "active",
      auto_groups: [staff],
      is_blocked: false,
      pending_approval: false,
      is_current: false,
      is_service_user: false,
      issued: "api",
      last_login: "0001-01-01T00:00:00Z",
      idp_id: "local",
    });
    assert.match(Buffer.from(made.id, "base64").toString(), /^\n\$[0-9a-f-]{36}\x12\x05local$/);
    assert.doesNotMatch((await server.call("GET", "/users")).text, new RegExp(password));
    assert.deepEqual(refusal(await server.call("POST", "/users", { ...ann, email: "ANN@example.com" })), {
      status: 409,
      code: "user.email_taken",
      path: "email",
    });
    assert.deepEqual(await events(), ["user.create"]);
  });

  test("a password belongs to its user alone, and mail is not sent", async () => {
    const missing = { status: 412, code: "user.no_identity_provider", path: "" };
    assert.deepEqual(refusal(await server.call("POST", "/users/some-id/invite")), missing);
    const auditor = await tokenOf((await create({ role: "auditor" })).id);
    assert.equal((await server.call("POST", "/users/invites", {}, auditor)).status, 403);
    const password = { old_password: "a", new_password: "b" };
    const others = await server.call("PUT", "/users/somebody/password", password);
    assert.deepEqual(refusal(others), denied(""));
  });

  test("a blocked user is told so", async () => {
    const made = await create({ role: "admin" });
    const token = await tokenOf(made.id);
    await put(made.id, { role: "admin", is_blocked: true });
    const blocked = { status: 403, code: "auth.user_blocked", path: "" };
    assert.deepEqual(refusal(await put(owner.id, { role: "owner" }, token)), blocked);
    await updateUser(server.store.db, server.account, made.id, { pendingApproval: true });
    const pending = await put(owner.id, { role: "owner" }, token);
    assert.deepEqual(refusal(pending), blocked);
    assert.match(pending.body.message, /pending/);
  });
});
