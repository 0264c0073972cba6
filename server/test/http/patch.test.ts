import assert from "node:assert/strict";
import { verifySecret } from "../../src/secrets/password-hash.ts";
import { getService } from "../../src/store/services.ts";
import { CLUSTER, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

const services = "/reverse-proxies/services";

suite("PATCH", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const made = async (path: string, body: unknown) => {
    const answer = await server.call("POST", path, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  const makePeer = async (name = "web"): Promise<string> => (await made("/peers", { name })).id;
  const service = (peer: string, change = {}) => ({
    name: "wiki",
    domain: `wiki.${CLUSTER}`,
    enabled: true,
    targets: [{ target_id: peer, target_type: "peer", protocol: "http", port: 80, path: "/", enabled: true }],
    auth: { password_auth: { enabled: true, password: "secret" } },
    access_restrictions: { allowed_cidrs: ["10.0.0.0/8"] },
    ...change,
  });

  test("an empty patch of any object changes nothing that anybody sees", async () => {
    const peer = await makePeer();
    const group = await made("/groups", { name: "g", peers: [peer] });
    const network = await made("/networks", { name: "n", description: "d" });
    const resource = await made(`/networks/${network.id}/resources`, {
      name: "r",
      address: "10.1.2.0/24",
      enabled: true,
      groups: [group.id],
    });
    const router = await made(`/networks/${network.id}/routers`, {
      peer_groups: [group.id],
      metric: 7,
      masquerade: true,
      enabled: true,
    });
    const policy = await made("/policies", {
      name: "p",
      enabled: true,
      rules: [
        {
          name: "r",
          enabled: true,
          bidirectional: true,
          action: "accept",
          protocol: "tcp",
          sources: [group.id],
          destinations: [group.id],
          port_ranges: [{ start: 1, end: 9 }],
        },
      ],
    });
    const key = await made("/setup-keys", {
      name: "k",
      type: "reusable",
      expires_in: 86_400,
      auto_groups: [group.id],
      usage_limit: 3,
    });
    const web = await made(services, service(peer));
    const tcp = await made(services, {
      name: "db",
      domain: `db.${CLUSTER}`,
      mode: "tcp",
      enabled: true,
      targets: [{ target_id: peer, target_type: "peer", protocol: "tcp", port: 5432, enabled: true }],
    });
    for (const path of [
      `/peers/${peer}`,
      `/groups/${group.id}`,
      `/networks/${network.id}`,
      `/networks/${network.id}/resources/${resource.id}`,
      `/networks/${network.id}/routers/${router.id}`,
      `/policies/${policy.id}`,
      `/setup-keys/${key.id}`,
      `${services}/${web.id}`,
      `${services}/${tcp.id}`,
    ]) {
      const before = (await server.call("GET", path)).body;
      const answer = await server.call("PATCH", path, {});
      assert.equal(answer.status, 200, `${path}: ${answer.text}`);
      const after = (await server.call("GET", path)).body;
      for (const body of [before, after]) {
        delete body.updated_at;
        delete body.meta;
      }
      assert.deepEqual(after, before, path);
    }
    const [account] = (await server.call("GET", "/accounts")).body;
    const patched = await server.call("PATCH", `/accounts/${account.id}`, {
      settings: { peer_login_expiration: 7200 },
    });
    assert.equal(patched.status, 200, patched.text);
    assert.deepEqual(patched.body, {
      ...account,
      settings: { ...account.settings, peer_login_expiration: 7200 },
    });
  });

  test("only what is named changes, secrets stay, null takes away", async () => {
    const { id } = await made(services, service(await makePeer()));
    const answer = await server.call("PATCH", `${services}/${id}`, {
      name: "handbook",
      access_restrictions: null,
      auth: { password_auth: { enabled: false } },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      [answer.body.name, answer.body.domain, answer.body.enabled, answer.body.access_restrictions],
      ["handbook", `wiki.${CLUSTER}`, true, undefined],
    );
    assert.equal(answer.headers.etag, (await server.call("GET", `${services}/${id}`)).headers.etag);
    const stored = await getService(server.store.db, server.account, id);
    assert.equal(stored!.auth.password!.enabled, false);
    assert.ok(await verifySecret(stored!.auth.password!.hash, "secret"));
    const renewed = await server.call("PATCH", `${services}/${id}`, {
      auth: { password_auth: { enabled: true, password: "new" } },
    });
    assert.equal(renewed.status, 200);
    const after = await getService(server.store.db, server.account, id);
    assert.ok(await verifySecret(after!.auth.password!.hash, "new"));
  });

  test("the checks are those of PUT, and what is refused changes nothing", async () => {
    const { id } = await made(services, service(await makePeer()));
    const before = (await server.call("GET", `${services}/${id}`)).headers.etag;
    for (const [patch, expected] of [
      [{ targets: [] }, { status: 422, code: "service.no_targets", path: "targets" }],
      [{ mode: "tcp" }, undefined],
      [{ name: 7 }, { status: 400, code: "request.malformed", path: "name" }],
      [[], { status: 400, code: "request.malformed", path: "" }],
    ] as const) {
      const answer = await server.call("PATCH", `${services}/${id}`, patch);
      assert.ok(answer.status >= 400, answer.text);
      if (expected) assert.deepEqual(refusal(answer), expected);
    }
    assert.equal((await server.call("GET", `${services}/${id}`)).headers.etag, before);
    assert.deepEqual(refusal(await server.call("PATCH", "/groups/nope", {})), {
      status: 404,
      code: "group.not_found",
      path: "",
    });
  });

  test("needs the right to change", async () => {
    const { id } = await made("/groups", { name: "g" });
    const bot = await made("/users", {
      name: "bot",
      role: "auditor",
      auto_groups: [],
      is_service_user: true,
    });
    const { plain_token: token } = await made(`/users/${bot.id}/tokens`, { name: "t", expires_in: 2 });
    const answer = await server.call("PATCH", `/groups/${id}`, { name: "x" }, token);
    assert.equal(refusal(answer).code, "auth.permission_denied");
  });

  test("patches of different members at once all arrive", async () => {
    const { id } = await made(services, service(await makePeer()));
    const members = ["pass_host_header", "rewrite_redirects", "public"];
    const before = (await server.call("GET", `${services}/${id}`)).body;
    const wanted = Object.fromEntries(members.map((name) => [name, !before[name]]));
    const answers = await Promise.all(
      Object.entries(wanted).map(([name, value]) =>
        server.call("PATCH", `${services}/${id}`, { [name]: value }),
      ),
    );
    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    const after = (await server.call("GET", `${services}/${id}`)).body;
    for (const [name, value] of Object.entries(wanted)) assert.equal(after[name], value, name);
  });
});
