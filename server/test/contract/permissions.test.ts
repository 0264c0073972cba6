import assert from "node:assert/strict";
import type { AccountId, UserId } from "@netbird-proxy/proto";
import { hashToken, newToken } from "../../src/domain/token.ts";
import { newId } from "../../src/domain/xid.ts";
import { insertPersonalAccessToken } from "../../src/store/personal-access-tokens.ts";
import { insertUser, type User } from "../../src/store/users.ts";
import { contents, type RestServer, startRestServer } from "../support/rest-server.ts";

/**
 * Every operation of the API with what it needs: a module and an operation, `public` (no token), `anyone` (any user that
 * is not blocked), or `own` (decided by whose object it is; tested with that object). Source: rest-api.md §1.8.
 */
const table = `
GET    /api/instance                                        public
POST   /api/setup                                           public
GET    /api/users/invites/{id}                              public
POST   /api/users/invites/{id}/accept                       public
GET    /api/instance/version                                anyone
GET    /api/users                                           anyone
GET    /api/peers                                           anyone
POST   /api/batch                                           anyone
GET    /api/users/current                                   own
PUT    /api/users/{id}/password                             own
GET    /api/users/{userId}/tokens                           own
POST   /api/users/{userId}/tokens                           own
GET    /api/users/{userId}/tokens/{id}                      own
DELETE /api/users/{userId}/tokens/{id}                      own
GET    /api/accounts                                        accounts read
PUT    /api/accounts/{id}                                   settings update
PATCH  /api/accounts/{id}                                   settings update
DELETE /api/accounts/{id}                                   accounts delete
POST   /api/users                                           users create
PUT    /api/users/{id}                                      users update
PATCH  /api/users/{id}                                      users update
DELETE /api/users/{id}                                      users delete
POST   /api/users/{id}/approve                              users update
DELETE /api/users/{id}/reject                               users delete
POST   /api/users/{id}/invite                               users update
GET    /api/users/invites                                   users read
POST   /api/users/invites                                   users create
DELETE /api/users/invites/{id}                              users delete
POST   /api/users/invites/{id}/regenerate                   users update
GET    /api/groups                                          groups read
POST   /api/groups                                          groups create
GET    /api/groups/{id}                                     groups read
PUT    /api/groups/{id}                                     groups update
PATCH  /api/groups/{id}                                     groups update
DELETE /api/groups/{id}                                     groups delete
GET    /api/setup-keys                                      setup_keys read
POST   /api/setup-keys                                      setup_keys create
GET    /api/setup-keys/{id}                                 setup_keys read
PUT    /api/setup-keys/{id}                                 setup_keys update
PATCH  /api/setup-keys/{id}                                 setup_keys update
DELETE /api/setup-keys/{id}                                 setup_keys delete
POST   /api/peers                                           peers create
GET    /api/peers/{id}                                      peers read
PUT    /api/peers/{id}                                      peers update
PATCH  /api/peers/{id}                                      peers update
DELETE /api/peers/{id}                                      peers delete
GET    /api/peers/{id}/accessible-peers                     peers read
GET    /api/peers/{id}/wireguard-config                     peers read
GET    /api/policies                                        policies read
POST   /api/policies                                        policies create
GET    /api/policies/{id}                                   policies read
PUT    /api/policies/{id}                                   policies update
PATCH  /api/policies/{id}                                   policies update
DELETE /api/policies/{id}                                   policies delete
GET    /api/networks                                        networks read
POST   /api/networks                                        networks create
GET    /api/networks/{id}                                   networks read
PUT    /api/networks/{id}                                   networks update
PATCH  /api/networks/{id}                                   networks update
DELETE /api/networks/{id}                                   networks delete
GET    /api/networks/resources                              networks read
GET    /api/networks/{networkId}/resources                  networks read
POST   /api/networks/{networkId}/resources                  networks create
GET    /api/networks/{networkId}/resources/{id}             networks read
PUT    /api/networks/{networkId}/resources/{id}             networks update
PATCH  /api/networks/{networkId}/resources/{id}             networks update
DELETE /api/networks/{networkId}/resources/{id}             networks delete
GET    /api/networks/routers                                networks read
GET    /api/networks/{networkId}/routers                    networks read
POST   /api/networks/{networkId}/routers                    networks create
GET    /api/networks/{networkId}/routers/{id}               networks read
PUT    /api/networks/{networkId}/routers/{id}               networks update
PATCH  /api/networks/{networkId}/routers/{id}               networks update
DELETE /api/networks/{networkId}/routers/{id}               networks delete
GET    /api/reverse-proxies/services                        services read
POST   /api/reverse-proxies/services                        services create
GET    /api/reverse-proxies/services/{id}                   services read
PUT    /api/reverse-proxies/services/{id}                   services update
PATCH  /api/reverse-proxies/services/{id}                   services update
DELETE /api/reverse-proxies/services/{id}                   services delete
GET    /api/reverse-proxies/services/{id}/status            services read
GET    /api/reverse-proxies/services/{id}/diagnose          services read
DELETE /api/reverse-proxies/services/{id}/sessions          services update
GET    /api/reverse-proxies/services/{id}/tokens            services read
POST   /api/reverse-proxies/services/{id}/tokens            services update
DELETE /api/reverse-proxies/services/{id}/tokens/{grantId}  services update
GET    /api/reverse-proxies/services/{id}/share-links       services read
POST   /api/reverse-proxies/services/{id}/share-links       services update
DELETE /api/reverse-proxies/services/{id}/share-links/{grantId} services update
GET    /api/reverse-proxies/services/{id}/targets           services read
POST   /api/reverse-proxies/services/{id}/targets           services update
GET    /api/reverse-proxies/services/{id}/targets/{targetId} services read
PUT    /api/reverse-proxies/services/{id}/targets/{targetId} services update
PATCH  /api/reverse-proxies/services/{id}/targets/{targetId} services update
DELETE /api/reverse-proxies/services/{id}/targets/{targetId} services update
GET    /api/reverse-proxies/clusters                        services read
DELETE /api/reverse-proxies/clusters/{address}              services delete
GET    /api/reverse-proxies/domains                         services read
POST   /api/reverse-proxies/domains                         services create
DELETE /api/reverse-proxies/domains/{id}                    services delete
GET    /api/reverse-proxies/domains/{id}/validate           services create
GET    /api/reverse-proxies/preflight                       services create
GET    /api/reverse-proxies/certificates                    services read
POST   /api/reverse-proxies/certificates                    services create
GET    /api/reverse-proxies/certificates/{id}               services read
PUT    /api/reverse-proxies/certificates/{id}               services update
PATCH  /api/reverse-proxies/certificates/{id}               services update
DELETE /api/reverse-proxies/certificates/{id}               services delete
GET    /api/reverse-proxies/dns-credentials                 services read
POST   /api/reverse-proxies/dns-credentials                 services create
GET    /api/reverse-proxies/dns-credentials/{id}            services read
PUT    /api/reverse-proxies/dns-credentials/{id}            services update
PATCH  /api/reverse-proxies/dns-credentials/{id}            services update
DELETE /api/reverse-proxies/dns-credentials/{id}            services delete
GET    /api/reverse-proxies/proxy-tokens                    services read
POST   /api/reverse-proxies/proxy-tokens                    services create
DELETE /api/reverse-proxies/proxy-tokens/{id}               services delete
GET    /api/events                                          events read
GET    /api/events/audit                                    events read
GET    /api/events/audit/export                             events read
GET    /api/events/proxy                                    services read
GET    /api/events/proxy/export                             services read
`;

interface Row {
  method: string;
  path: string;
  needs: string;
}

const rows: Row[] = table
  .trim()
  .split("\n")
  .map((line) => {
    const [, method, path, needs] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(line)!;
    return { method: method!, path: path!, needs: needs! };
  });

const crud = ["read", "create", "update", "delete"];
const everything = () => true;
const onlyReads = (_module: string, operation: string) => operation === "read";

/** What a role may do, written down again here: a mistake in the source must not be one in its test. */
const roles: Record<string, (module: string, operation: string) => boolean> = {
  owner: everything,
  admin: (module, operation) => module !== "accounts" || operation === "read",
  auditor: onlyReads,
  network_admin: (module, operation) =>
    ["networks", "groups", "policies", "services"].includes(module)
      ? crud.includes(operation)
      : operation === "read",
  user: () => false,
  billing_admin: () => false,
};

type Kind = "person" | "service user" | "blocked" | "pending approval";

function mayDo(role: string, kind: Kind, needs: string): boolean {
  if (needs === "public") return true;
  if (kind === "blocked" || kind === "pending approval") return false;
  if (needs === "anyone") return true;
  const [module, operation] = needs.split(" ") as [string, string];
  return (kind === "service user" && operation === "read") || roles[role]!(module, operation);
}

suite("who may do what", function () {
  this.timeout(60_000);
  let server: RestServer;
  suiteSetup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy({ accountId: server.account });
  });
  suiteTeardown(() => server.close());

  async function addUser(change: Partial<User>): Promise<{ user: User; token: string }> {
    const user: User = {
      id: newId() as string as UserId,
      accountId: server.account,
      email: "somebody@example.com",
      name: "Somebody",
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
    };
    await insertUser(server.store.db, user);
    const token = newToken("nbp_");
    await insertPersonalAccessToken(server.store.db, {
      id: newId(),
      accountId: user.accountId,
      userId: user.id,
      name: "test",
      tokenHash: hashToken(token),
      expiresAt: server.nowMs + 86_400_000,
      createdBy: user.id,
      createdAt: server.nowMs,
      lastUsed: null,
    });
    return { user, token };
  }

  /** Bodies that get past the check of their types, which comes before that of the permission. */
  const target = { target_id: "missing", target_type: "peer", protocol: "http", port: 80, path: "/x" };
  const setupKey = { name: "key", type: "reusable", expires_in: 3600, auto_groups: [], usage_limit: 0 };
  const bodies: Record<string, unknown> = {
    "/api/batch": { operations: [] },
    "/api/setup-keys": setupKey,
    "/api/reverse-proxies/dns-credentials": { provider: "webhook" },
    "/api/reverse-proxies/dns-credentials/{id}": { provider: "webhook" },
    "/api/setup-keys/{id}": { ...setupKey, revoked: false },
    "/api/reverse-proxies/services/{id}/targets": target,
    "/api/reverse-proxies/services/{id}/targets/{targetId}": target,
  };

  async function ask({ method, path }: Row, token: string | null) {
    // Nobody may touch another account, so that one is the caller's; every other object is missing.
    const id = path.startsWith("/api/accounts/") ? server.account : "missing00000000000000";
    const url = path.replace(/^\/api/, "").replace(/\{[^}]+\}/g, id);
    const reads = method === "GET";
    return server.call(
      method,
      reads || path === "/api/setup" ? url : `${url}?dry_run=true`,
      reads || method === "DELETE" ? undefined : (bodies[path] ?? {}),
      token,
    );
  }

  test("every operation of the API has its row", async () => {
    const { body } = await server.call("GET", "/openapi.json");
    const operations = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(operations.sort(), rows.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test("without a token only what is public answers", async () => {
    for (const row of rows) {
      const { status, body } = await ask(row, null);
      if (row.needs === "public") assert.notEqual(status, 401, `${row.method} ${row.path}`);
      else assert.equal(body.error.code, "auth.missing_token", `${row.method} ${row.path}`);
    }
  });

  const kinds: [Kind, Partial<User>][] = [
    ["person", {}],
    ["service user", { isServiceUser: true }],
    ["blocked", { isBlocked: true }],
    ["pending approval", { isBlocked: true, pendingApproval: true }],
  ];
  for (const role of Object.keys(roles)) {
    for (const [kind, change] of kinds) {
      test(`${role}, ${kind}`, async () => {
        const { token } = await addUser({ ...change, role: role as User["role"] });
        const before = await contents(server.store);
        const wrong: string[] = [];
        for (const row of rows) {
          if (row.needs === "own") continue;
          const { status, body } = await ask(row, token);
          const refused = status === 403;
          const code = body?.error?.code;
          const expected = mayDo(role, kind, row.needs);
          const words = `${row.method} ${row.path}: ${status} ${code ?? ""}`;
          if (refused === expected || status === 401 || status >= 500) wrong.push(words);
          const because =
            kind === "person" || kind === "service user" ? "auth.permission_denied" : "auth.user_blocked";
          if (refused && code !== because) wrong.push(words);
        }
        assert.deepEqual(wrong, []);
        assert.deepEqual(await contents(server.store), before, "a dry run or a refusal changed something");
      });
    }
  }

  test("whose object it is decides about tokens, passwords and the current user", async () => {
    const human = await addUser({});
    const robot = await addUser({ isServiceUser: true });
    const blocked = await addUser({ isBlocked: true });
    const admin = await addUser({ role: "admin" });
    const list = async (of: User, token: string) =>
      (await server.call("GET", `/users/${of.id}/tokens`, undefined, token)).status;
    assert.deepEqual(
      await Promise.all([
        list(human.user, human.token),
        list(robot.user, robot.token),
        list(robot.user, admin.token),
        list(robot.user, server.token),
        list(human.user, admin.token),
        list(human.user, server.token),
        list(robot.user, human.token),
        list(blocked.user, blocked.token),
      ]),
      [200, 200, 200, 200, 403, 403, 403, 403],
    );
    const current = async (token: string) =>
      (await server.call("GET", "/users/current", undefined, token)).status;
    assert.deepEqual(
      [await current(human.token), await current(robot.token), await current(blocked.token)],
      [200, 403, 403],
    );
    const password = (of: User, token: string) =>
      server.call("PUT", `/users/${of.id}/password`, { old_password: "x", new_password: "y" }, token);
    assert.equal((await password(human.user, admin.token)).status, 403);
  });

  test("a token of another account reaches nothing of this one", async () => {
    const [own] = await server.store.db("accounts");
    await server.store.db("accounts").insert({ ...own, id: "other-account" });
    const { token } = await addUser({ role: "owner", accountId: "other-account" as AccountId });
    const { body: group } = await server.call("POST", "/groups", { name: "ours" });
    const { body: network } = await server.call("POST", "/networks", { name: "ours" });
    for (const path of [`/groups/${group.id}`, `/networks/${network.id}`]) {
      assert.equal((await server.call("GET", path, undefined, token)).status, 404, path);
      assert.equal((await server.call("DELETE", path, undefined, token)).status, 404, path);
      assert.equal((await server.call("GET", path)).status, 200, path);
    }
    const { body } = await server.call("GET", "/groups", undefined, token);
    assert.ok(!body.some(({ name }: { name: string }) => name === "ours"));
    assert.equal((await server.call("DELETE", `/accounts/${server.account}`, undefined, token)).status, 403);
  });
});
