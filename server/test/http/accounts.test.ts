import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { Account } from "@netbird-proxy/proto/rest";
import { getService, listServicesTargeting } from "../../src/store/services.ts";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const newSettings = {
  peer_login_expiration_enabled: true,
  peer_login_expiration: 86_400,
  peer_inactivity_expiration_enabled: false,
  peer_inactivity_expiration: 600,
  regular_users_view_blocked: true,
  groups_propagation_enabled: true,
  jwt_groups_enabled: false,
  jwt_groups_claim_name: "",
  jwt_allow_groups: [],
  routing_peer_dns_resolution_enabled: true,
  lazy_connection_enabled: true,
  branding_name: "",
  branding_logo: "",
  branding_color: "",
  dns_domain: "",
  peer_expose_enabled: false,
  peer_expose_groups: null,
  auto_update_version: "disabled",
  auto_update_always: false,
  metrics_push_enabled: false,
  local_mfa_enabled: false,
  extra: {
    peer_approval_enabled: false,
    user_approval_required: true,
    network_traffic_logs_enabled: false,
    network_traffic_logs_groups: [],
    network_traffic_packet_counter_enabled: false,
  },
  embedded_idp_enabled: true,
  local_auth_disabled: false,
};

suite("accounts over REST", () => {
  let server: RestServer;
  let all: string;
  let path: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    all = (await server.call("GET", "/groups?name=All")).body[0].id;
    path = `/accounts/${server.account}`;
  });
  teardown(() => server.close());

  const read = async (): Promise<Account> => (await server.call("GET", "/accounts")).body[0];
  const put = (settings: Record<string, unknown>, more = {}) =>
    server.call("PUT", path, { settings: { peer_login_expiration: 3600, ...settings }, ...more });
  const events = async () =>
    (await server.call("GET", "/events")).body
      .filter(({ activity_code: code }: { activity_code: string }) => /^account\.(?!create)/.test(code))
      .map((event: Record<string, unknown>) => [event.activity_code, event.meta])
      .reverse();

  test("there is exactly one, with the settings of a new account", async () => {
    const { body } = await server.call("GET", "/accounts");
    assert.equal(body.length, 1);
    assertConforms(Account, body[0]);
    const { settings, ...account } = body[0];
    const me = (await server.call("GET", "/users/current")).body;
    assert.deepEqual(account, {
      id: server.account,
      created_at: new Date(server.nowMs).toISOString(),
      created_by: me.id,
      domain: "netbird.selfhosted",
      domain_category: "private",
      onboarding: { onboarding_flow_pending: true, signup_form_pending: true },
    });
    const { network_range: v4, network_range_v6: v6, ...rest } = settings;
    assert.match(v4, /^100\.\d+\.0\.0\/16$/);
    assert.match(v6, /^fd[0-9a-f:]+::\/64$/);
    assert.deepEqual(rest, { ...newSettings, ipv6_enabled_groups: [all] });
  });

  test("a PUT replaces everything but the ranges, extra and onboarding", async () => {
    const before = await read();
    const { status, body } = await put({});
    assert.equal(status, 200);
    assertConforms(Account, body);
    assert.deepEqual(body.settings, {
      ...newSettings,
      peer_login_expiration_enabled: false,
      peer_login_expiration: 3600,
      peer_inactivity_expiration: 0,
      regular_users_view_blocked: false,
      groups_propagation_enabled: false,
      routing_peer_dns_resolution_enabled: false,
      lazy_connection_enabled: false,
      ipv6_enabled_groups: [],
      auto_update_version: "",
      network_range: before.settings.network_range,
      network_range_v6: before.settings.network_range_v6,
    });
    assert.deepEqual(body.onboarding, before.onboarding);
    assert.deepEqual(await read(), body);
  });

  test("what GET shows can be sent back and changes nothing", async () => {
    const before = await read();
    const { status, body } = await server.call("PUT", path, before);
    assert.deepEqual([status, body], [200, before]);
    assert.deepEqual(await events(), []);
  });

  test("every setting comes back as it was sent", async () => {
    const cases: Record<string, unknown[]> = {
      peer_login_expiration_enabled: [true],
      peer_login_expiration: [3600, 180 * 86_400],
      peer_inactivity_expiration_enabled: [true],
      peer_inactivity_expiration: [0, 600, 86_400],
      regular_users_view_blocked: [true],
      groups_propagation_enabled: [true],
      jwt_groups_enabled: [true],
      jwt_groups_claim_name: ["groups"],
      jwt_allow_groups: [["any name"], []],
      routing_peer_dns_resolution_enabled: [true],
      lazy_connection_enabled: [true],
      dns_domain: ["corp.example.com", "internal", ""],
      ipv6_enabled_groups: [[all], []],
      peer_expose_groups: [[all], []],
      auto_update_version: ["latest", "disabled", "", "0.60.1", "v1.0.0-rc.1"],
      auto_update_always: [true],
      metrics_push_enabled: [true],
      local_mfa_enabled: [true],
      branding_name: ["Example Ltd", ""],
      branding_color: ["#2563eb", ""],
    };
    for (const [setting, values] of Object.entries(cases)) {
      for (const value of values) {
        const { status, body, text } = await put({ [setting]: value });
        assert.equal(status, 200, text);
        assertConforms(Account, body);
        assert.deepEqual(body.settings[setting], value, setting);
        assert.deepEqual((await read()).settings, body.settings);
      }
    }
    const exposed = (await put({ peer_expose_enabled: true, peer_expose_groups: [all] })).body.settings;
    assert.deepEqual([exposed.peer_expose_enabled, exposed.peer_expose_groups], [true, [all]]);
    const ignored = (await put({ embedded_idp_enabled: false, local_auth_disabled: true, other: 1 })).body;
    assert.deepEqual(
      [ignored.settings.embedded_idp_enabled, ignored.settings.local_auth_disabled],
      [true, false],
    );
    assert.equal("other" in ignored.settings, false);
  });

  test("extra is replaced as a whole when it is sent", async () => {
    const extra = {
      peer_approval_enabled: true,
      user_approval_required: true,
      network_traffic_logs_enabled: true,
      network_traffic_logs_groups: [all],
      network_traffic_packet_counter_enabled: true,
    };
    assert.deepEqual((await put({ extra })).body.settings.extra, extra);
    assert.deepEqual((await put({})).body.settings.extra, extra);
    assert.deepEqual((await put({ extra: { user_approval_required: true } })).body.settings.extra, {
      ...newSettings.extra,
      user_approval_required: true,
    });
    const onboarding = { onboarding_flow_pending: false, signup_form_pending: true };
    assert.deepEqual((await put({}, { onboarding })).body.onboarding, onboarding);
    assert.deepEqual((await put({})).body.onboarding, onboarding);
  });

  test("bad settings are refused and leave nothing", async () => {
    const before = await contents(server.store);
    const cases: [Record<string, unknown>, string][] = [
      [{ peer_login_expiration: 3599 }, "peer_login_expiration"],
      [{ peer_login_expiration: 180 * 86_400 + 1 }, "peer_login_expiration"],
      [{ peer_login_expiration: undefined }, "peer_login_expiration"],
      [{ dns_domain: "*.example.com" }, "dns_domain"],
      [{ dns_domain: "not a name" }, "dns_domain"],
      [{ network_range: "fd00::/64" }, "network_range"],
      [{ network_range: "127.0.0.0/16" }, "network_range"],
      [{ network_range: "10.0.0.0/29" }, "network_range"],
      [{ network_range_v6: "10.0.0.0/16" }, "network_range_v6"],
      [{ network_range_v6: "fe80::/64" }, "network_range_v6"],
      [{ ipv6_enabled_groups: [all, "gone"] }, "ipv6_enabled_groups[1]"],
      [{ peer_expose_enabled: true }, "peer_expose_groups"],
      [{ peer_expose_enabled: true, peer_expose_groups: [] }, "peer_expose_groups"],
      [{ peer_expose_groups: ["gone"] }, "peer_expose_groups[0]"],
      [{ auto_update_version: "newest" }, "auto_update_version"],
      [{ extra: { network_traffic_logs_groups: ["gone"] } }, "extra.network_traffic_logs_groups[0]"],
    ];
    for (const [settings, at] of cases) {
      const expected = { status: 422, code: "account.invalid", path: `settings.${at}` };
      assert.deepEqual(refusal(await put(settings)), expected, JSON.stringify(settings));
    }
    assert.equal((await server.call("PUT", path, {})).status, 422, "no settings: no expiration");
    for (const body of ["{", { settings: 1 }, { settings: { peer_login_expiration: "3600" } }]) {
      assert.equal((await server.call("PUT", path, body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await put({ dns_domain: 1 })).status, 400);
    assert.deepEqual(await contents(server.store), before);
  });

  test("changes are in the audit log, each with its name", async () => {
    const { settings } = await read();
    const change = async (settingsChange: Record<string, unknown>) =>
      assert.equal((await put({ ...settings, ...settingsChange })).status, 200);
    await change({ peer_expose_enabled: true, peer_expose_groups: [all] });
    await change({ peer_login_expiration_enabled: false, peer_login_expiration: 7200 });
    await change({
      peer_inactivity_expiration_enabled: true,
      peer_inactivity_expiration: 900,
      dns_domain: "corp.example.com",
      auto_update_version: "latest",
    });
    assert.deepEqual(await events(), [
      ["account.setting.peer.expose.enable", {}],
      ["account.setting.update", { settings: "peer_expose_groups" }],
      ["account.setting.peer.login.expiration.disable", {}],
      ["account.setting.peer.expose.disable", {}],
      ["account.setting.peer.login.expiration.update", {}],
      ["account.setting.update", { settings: "peer_expose_groups" }],
      ["account.setting.peer.login.expiration.enable", {}],
      ["account.peer.inactivity.expiration.enable", {}],
      ["account.setting.peer.login.expiration.update", {}],
      ["account.peer.inactivity.expiration.update", {}],
      ["account.dns.domain.update", { old_dns_domain: "", new_dns_domain: "corp.example.com" }],
      ["account.settings.auto.version.update", { version: "latest" }],
    ]);
    const all_ = (await server.call("GET", "/events")).body as Record<string, string>[];
    for (const { activity, activity_code, target_id } of all_) {
      if (!activity_code!.startsWith("account.")) continue;
      assert.equal(target_id, server.account);
      assert.notEqual(activity, activity_code);
    }
  });

  test("the account's DNS domain names peers", async () => {
    await put({ dns_domain: "corp.example.com" });
    const peer = (await server.call("POST", "/peers", { name: "web" })).body;
    assert.equal(peer.dns_label, "web.corp.example.com");
  });

  test("another range moves peers, domain resources and the services on them", async () => {
    await server.connectProxy();
    const peer = (await server.call("POST", "/peers", { name: "web" })).body;
    const network = (await server.call("POST", "/networks", { name: "n" })).body;
    const resource = (
      await server.call("POST", `/networks/${network.id}/resources`, {
        name: "db",
        address: "db.internal",
        enabled: true,
        groups: [],
      })
    ).body;
    const service = (
      await server.call("POST", "/reverse-proxies/services", {
        name: "web",
        domain: `web.${CLUSTER}`,
        enabled: true,
        targets: [{ target_id: peer.id, target_type: "peer", protocol: "http", port: 80, enabled: true }],
      })
    ).body;
    assert.ok(service.id, JSON.stringify(service));
    const { db } = server.store;
    const revision = (await getService(db, server.account, service.id))!.revision;

    const dry = await server.call("PUT", `${path}?dry_run=true`, {
      settings: { peer_login_expiration: 3600, network_range: "10.9.0.0/16" },
    });
    assert.equal(dry.body.settings.network_range, "10.9.0.0/16");
    assert.equal((await server.call("GET", `/peers/${peer.id}`)).body.ip, peer.ip);

    const ranges = { network_range: "10.9.8.7/16", network_range_v6: "fd99::1/64" };
    const moved = (await put(ranges)).body.settings;
    assert.deepEqual([moved.network_range, moved.network_range_v6], ["10.9.0.0/16", "fd99::/64"]);
    const after = (await server.call("GET", `/peers/${peer.id}`)).body;
    assert.match(after.ip, /^10\.9\./);
    assert.match(after.ipv6, /^fd99:/);
    const row = await db("network_resources").where({ id: resource.id }).first();
    assert.match(row.virtual_ip, /^10\.9\./);
    const [targeting] = await listServicesTargeting(db, server.account, [peer.id]);
    assert.ok(targeting!.revision > revision, "the proxies are told");
    const { body: shown } = await server.call("GET", `/reverse-proxies/services/${service.id}`);
    assert.equal(shown.targets[0].host, after.ip);

    // An address that fits the new range stays.
    assert.equal((await put({ network_range: "10.9.0.0/15" })).status, 200);
    assert.equal((await server.call("GET", `/peers/${peer.id}`)).body.ip, after.ip);
    const [, range] = (await events()).filter(([code]: [string]) => code === "account.network.range.update");
    assert.deepEqual(range[1].new_network_range, "fd99::/64");
  });

  test("a group that the settings name stays", async () => {
    const staff = (await server.call("POST", "/groups", { name: "staff" })).body;
    const cases = [
      { ipv6_enabled_groups: [staff.id] },
      { peer_expose_groups: [staff.id] },
      { extra: { network_traffic_logs_groups: [staff.id] } },
    ];
    for (const settings of cases) {
      assert.equal((await put({ extra: {}, ...settings })).status, 200);
      const refused = await server.call("DELETE", `/groups/${staff.id}`);
      assert.deepEqual(refusal(refused), { status: 400, code: "group.in_use", path: "" });
    }
    await put({ extra: {} });
    assert.equal((await server.call("DELETE", `/groups/${staff.id}`)).status, 200);
  });

  test("who may", async () => {
    const tokenOf = async (role: string) => {
      const user = (await server.call("POST", "/users", { name: role, role, is_service_user: true })).body;
      const tokens = `/users/${user.id}/tokens`;
      return (await server.call("POST", tokens, { name: "t", expires_in: 1 })).body.plain_token;
    };
    const settings = { peer_login_expiration: 3600 };
    const [admin, auditor] = [await tokenOf("admin"), await tokenOf("auditor")];
    assert.equal((await server.call("GET", "/accounts", undefined, auditor)).status, 200);
    assert.equal((await server.call("PUT", path, { settings }, admin)).status, 200);
    const denied = { status: 403, code: "auth.permission_denied", path: "" };
    assert.deepEqual(refusal(await server.call("PUT", path, { settings: {} }, auditor)), denied);
    assert.deepEqual(refusal(await server.call("DELETE", path, undefined, admin)), denied);
    for (const method of ["PUT", "DELETE"]) {
      const body = method === "PUT" ? { settings } : undefined;
      const foreign = await server.call(method, "/accounts/somebody", body);
      assert.deepEqual(refusal(foreign), { status: 403, code: "auth.account_mismatch", path: "" });
      assert.doesNotMatch(foreign.body.message, /not found/);
    }
  });

  test("the owner deletes it, proxies drop its services, and the server can be set up again", async () => {
    await server.connectProxy();
    await server.call("POST", "/reverse-proxies/services", {
      name: "web",
      domain: `web.${CLUSTER}`,
      targets: [
        {
          target_id: CLUSTER,
          target_type: "cluster",
          protocol: "http",
          port: 80,
          host: "127.0.0.1",
          options: { direct_upstream: true },
        },
      ],
    });
    const before = await contents(server.store);
    assert.deepEqual((await server.call("DELETE", `${path}?dry_run=true`)).body, {});
    assert.deepEqual(await contents(server.store), before);
    const gone = await server.call("DELETE", path);
    assert.deepEqual([gone.status, gone.body], [200, {}]);
    const left = await contents(server.store);
    for (const table of ["accounts", "users", "groups", "policies", "services", "audit_events"]) {
      assert.deepEqual(left[table], [], table);
    }
    const told = (left.revisions as { account_id: AccountId; kind: string; operation: string }[]).filter(
      ({ operation }) => operation === "removed",
    );
    assert.deepEqual(
      told.map(({ account_id, kind }) => [account_id, kind]),
      [
        [server.account, "service"],
        [server.account, "tunnel"],
      ],
    );
    assert.equal((await server.call("GET", "/accounts")).status, 401);
    assert.equal((await server.call("GET", "/instance", undefined, null)).body.setup_required, true);
    await server.setUp();
    assert.equal((await server.call("GET", "/accounts")).status, 200);
  });
});
