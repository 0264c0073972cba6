import assert from "node:assert/strict";
import { generateKeyPair } from "jose";
import { FOREIGN_CLIENT, type ForeignProvider, startForeignProvider } from "../support/foreign-provider.ts";
import { PUBLIC_URL, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("an external identity provider", () => {
  let provider: ForeignProvider;
  let server: RestServer;
  setup(async () => {
    provider = await startForeignProvider(`${PUBLIC_URL}/api/reverse-proxy/callback`);
    server = await startRestServer({
      external: {
        issuer: provider.issuer,
        clientId: FOREIGN_CLIENT,
        clientSecret: "the-secret",
        audiences: [FOREIGN_CLIENT],
        userIdClaim: "sub",
        scopes: "openid profile email groups",
      },
    });
    server.nowMs = Date.now();
  });
  teardown(async () => {
    await server.close();
    await provider.close();
  });

  const as = (jwt: string, method = "GET", path = "/users/current", body?: unknown) =>
    server.call(method, path, body, null, { authorization: `Bearer ${jwt}` });
  const ann = { sub: "idp|ann", email: "ann@example.com", name: "Ann" };
  const bob = { sub: "idp|bob", email: "bob@example.com", name: "Bob" };

  test("the first one owns the account, the next ones wait for approval", async () => {
    assert.equal((await server.call("GET", "/instance", undefined, null)).body.setup_required, false);
    const owner = await provider.sign(ann);
    const first = await as(owner);
    assert.equal(first.status, 200, first.text);
    assert.deepEqual(
      [first.body.id, first.body.role, first.body.email, first.body.name],
      [ann.sub, "owner", ann.email, ann.name],
    );
    const second = await provider.sign(bob);
    const waiting = await as(second);
    assert.deepEqual(refusal(waiting), { status: 403, code: "auth.user_blocked", path: "" });
    assert.match(waiting.body.message, /pending approval/);
    assert.equal((await as(owner, "POST", `/users/${encodeURIComponent(bob.sub)}/approve`)).status, 200);
    const joined = await as(second);
    assert.deepEqual([joined.status, joined.body.role], [200, "user"]);
    const accounts = await as(owner, "GET", "/accounts");
    assert.equal(accounts.body.length, 1);
    assert.deepEqual(
      [accounts.body[0].settings.embedded_idp_enabled, accounts.body[0].settings.local_auth_disabled],
      [false, true],
    );
    const codes = (await as(owner, "GET", "/events")).body.map(
      ({ activity_code }: { activity_code: string }) => activity_code,
    );
    for (const code of ["account.create", "user.join", "user.approve", "dashboard.login"]) {
      assert.ok(codes.includes(code), code);
    }
  });

  test("twenty first requests at once make one account and one user", async () => {
    const jwt = await provider.sign(ann);
    const answers = await Promise.all(Array.from({ length: 20 }, () => as(jwt)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal((await server.store.db("accounts")).length, 1);
    assert.equal((await server.store.db("users")).length, 1);
  });

  test("setup, passwords and invitations are the provider's", async () => {
    const jwt = await provider.sign(ann);
    await as(jwt);
    const refused: [string, string, unknown, string][] = [
      ["POST", "/setup", { email: "a@b.c", name: "A", password: "12345678" }, "setup.external_provider"],
      [
        "POST",
        "/users",
        { name: "C", email: "c@d.e", role: "user", auto_groups: [] },
        "user.no_identity_provider",
      ],
      ["GET", "/users/invites", undefined, "user.no_identity_provider"],
      ["POST", "/users/invites", { email: "c@d.e", name: "C", role: "user" }, "user.no_identity_provider"],
      [
        "PUT",
        `/users/${encodeURIComponent(ann.sub)}/password`,
        { old_password: "a", new_password: "b" },
        "user.no_identity_provider",
      ],
    ];
    for (const [method, path, body, code] of refused) {
      const answer = await as(jwt, method, path, body);
      assert.deepEqual([answer.status, answer.body.error.code], [412, code], `${method} ${path}`);
    }
    assert.equal((await server.app.inject({ url: "/oauth2/keys" })).statusCode, 404);
  });

  test("tokens that are not for this server are refused", async () => {
    await as(await provider.sign(ann));
    const stranger = (await generateKeyPair("RS256")).privateKey;
    const cases: Record<string, string> = {
      audience: await provider.sign({ ...bob, aud: "another" }),
      issuer: await provider.sign({ ...bob, iss: "https://evil.example.org" }),
      "somebody's key": await provider.sign(bob, { key: stranger }),
      "unknown key": await provider.sign(bob, { key: stranger, kid: "key-99" }),
      "no subject": await provider.sign({ email: "x@example.com" }),
    };
    for (const [name, jwt] of Object.entries(cases)) {
      assert.deepEqual(refusal(await as(jwt)), { status: 401, code: "auth.invalid_token", path: "" }, name);
    }
    const old = await provider.sign({ ...ann, exp: Math.floor(Date.now() / 1000) - 60 });
    assert.deepEqual(refusal(await as(old)), { status: 401, code: "auth.expired_token", path: "" });
    assert.equal((await server.store.db("users")).length, 1, "a refused token left a user behind");
  });

  test("a new signing key is fetched when a token names it, and the old one is refused", async function () {
    this.timeout(20_000);
    const before = await provider.sign(ann);
    assert.equal((await as(before)).status, 200);
    await provider.rotate();
    // The keys are fetched again at most every five seconds.
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    assert.equal((await as(await provider.sign(ann))).status, 200);
    assert.equal((await as(before)).status, 401);
  });

  test("a provider that does not answer is 503 and no fault of the token", async () => {
    await provider.close();
    const answer = await as("e30.e30.AA");
    assert.deepEqual(refusal(answer), { status: 503, code: "identity.unreachable", path: "" });
    assert.match(answer.body.message, /ECONNREFUSED/);
  });

  suite("with groups from tokens", () => {
    let owner: string;
    const settings = async (change: Record<string, unknown>) => {
      const [account] = (await as(owner, "GET", "/accounts")).body;
      const body = { settings: { ...account.settings, ...change } };
      const { status, text } = await as(owner, "PUT", `/accounts/${account.id}`, body);
      assert.equal(status, 200, text);
    };
    setup(async () => {
      owner = await provider.sign({ ...ann, groups: ["admins"] });
      await as(owner);
      await settings({
        jwt_groups_enabled: true,
        jwt_groups_claim_name: "groups",
        extra: { user_approval_required: false },
      });
    });
    const groupNames = async (user: { auto_groups: string[] }) => {
      const groups = (await as(owner, "GET", "/groups")).body as {
        id: string;
        name: string;
        issued: string;
      }[];
      return user.auto_groups
        .map((id) => groups.find((group) => group.id === id))
        .map((group) => `${group?.name} ${group?.issued}`)
        .sort();
    };

    test("they come and go with the token, and those that people gave stay", async () => {
      const staff = (await as(owner, "POST", "/groups", { name: "staff" })).body.id;
      const dev = await as(await provider.sign({ ...bob, groups: ["dev", "ops", "dev"] }));
      assert.deepEqual(await groupNames(dev.body), ["dev jwt", "ops jwt"]);
      const both = [...dev.body.auto_groups, staff];
      const path = `/users/${encodeURIComponent(bob.sub)}`;
      await as(owner, "PUT", path, { role: "user", auto_groups: both, is_blocked: false });
      const after = await as(await provider.sign({ ...bob, groups: ["ops"] }));
      assert.deepEqual(await groupNames(after.body), ["ops jwt", "staff api"]);
      const none = await as(await provider.sign(bob));
      assert.deepEqual(await groupNames(none.body), ["staff api"]);
    });

    test("a token cannot put its user into a group that people made, nor into All", async () => {
      await as(owner, "POST", "/groups", { name: "payroll" });
      const made = await as(await provider.sign({ ...bob, groups: ["payroll", "All", "dev"] }));
      assert.deepEqual(await groupNames(made.body), ["dev jwt"]);
    });

    test("who is in none of the allowed groups stays out", async () => {
      await settings({
        jwt_groups_enabled: true,
        jwt_groups_claim_name: "groups",
        jwt_allow_groups: ["admins", "dev"],
      });
      const refused = await as(await provider.sign({ ...bob, groups: ["ops"] }));
      assert.deepEqual(refusal(refused), { status: 401, code: "auth.invalid_token", path: "" });
      assert.match(refused.body.error.hint, /jwt_allow_groups/);
      assert.equal((await as(await provider.sign({ ...bob, groups: ["dev"] }))).status, 200);
    });
  });

  test("a name that changes at the provider changes here", async () => {
    await as(await provider.sign(ann));
    const renamed = await as(
      await provider.sign({ ...ann, name: "Ann Smith", email: "ann@new.example.com" }),
    );
    assert.deepEqual([renamed.body.name, renamed.body.email], ["Ann Smith", "ann@new.example.com"]);
  });

  test("one sign-in writes once, however many requests use its token", async () => {
    const jwt = await provider.sign(ann);
    await as(jwt);
    const before = await server.store.db("audit_events").count({ n: "*" });
    for (let n = 0; n < 5; n += 1) assert.equal((await as(jwt)).status, 200);
    assert.deepEqual(await server.store.db("audit_events").count({ n: "*" }), before);
  });
});
