import assert from "node:assert/strict";
import { CLUSTER, type Json } from "../support/management-server.ts";
import { TerraformWorkspace } from "../support/terraform.ts";

const ADDRESS = "netbird_proxy_service.shop";
const DOMAIN = `shop.${CLUSTER}`;

suite("netbird_proxy_service", () => {
  let workspace: TerraformWorkspace;
  let web: string;
  let api: string;

  setup(async () => {
    workspace = await TerraformWorkspace.create();
    web = workspace.server.peerId("web");
    api = workspace.server.peerId("api");
  });
  teardown(() => workspace.close());

  const service = (body: string) => `resource "netbird_proxy_service" "shop" {\n${body}\n}`;
  const basic = (more = "") =>
    service(`
      name   = "shop"
      domain = "${DOMAIN}"
      targets = {
        "/"    = { target_type = "peer", target_id = "${web}", port = 3000 }
        "/api" = { target_type = "peer", target_id = "${api}", port = 8443, protocol = "https",
                   options = { path_rewrite = "preserve", request_timeout = "90s" } }
      }
      public = true
      ${more}`);
  const stored = (): Json => workspace.server.only(workspace.server.services);

  test("sessions and the identity token of auth: in the user's spelling, on, off and gone", async () => {
    const secured = (more: string) =>
      basic().replace("public = true", `auth = { pin = { value = "123456" }\n${more} }`);
    await workspace.apply(secured('session_length = "8h"\nsession_idle_time = "30m"\nidentity_token = true'));
    const { session_length, session_idle_time, identity_token } = stored().auth;
    assert.deepEqual([session_length, session_idle_time, identity_token], ["8h0m0s", "30m", true]);
    assert.equal((await workspace.state(ADDRESS))!.auth.session_length, "8h");
    await workspace.assertEmptyPlan();
    await workspace.apply(secured('session_length = "9h"\nidentity_token = false'));
    assert.deepEqual(stored().auth, { pin_auth: { enabled: true, pin: "" }, session_length: "9h0m0s" });
    await workspace.assertEmptyPlan();
    await workspace.apply(secured(""));
    assert.deepEqual(stored().auth, { pin_auth: { enabled: true, pin: "" } });
    await workspace.assertEmptyPlan();
  });

  test("create, empty plan, update in place, import, destroy", async () => {
    const { server } = workspace;
    const first = await workspace.plan(basic());
    assert.match(first.output, /url +\S* *= "https:\/\/shop\.proxy\.example\.test"/);
    assert.match(first.output, /status += "active"/);
    await workspace.apply();
    assert.deepEqual(
      stored().targets.map(({ path, port, protocol }: Json) => ({ path, port, protocol })),
      [
        { path: "/", port: 3000, protocol: "http" },
        { path: "/api", port: 8443, protocol: "https" },
      ],
    );
    const state = (await workspace.state(ADDRESS))!;
    assert.equal(state.url, `https://${DOMAIN}`);
    assert.equal(state.status, "active");
    assert.equal(state.status_reason, null);
    assert.deepEqual(state.live_on, ["proxy-1"]);
    assert.deepEqual(state.certificate, { source: "acme", expires_at: "2027-01-01T00:00:00Z" });
    assert.equal(state.targets["/api"].options.request_timeout, "90s", "the user's spelling stays");
    await workspace.assertEmptyPlan();

    const { id } = stored();
    const changed = await workspace.plan(basic().replace("port = 3000", "port = 3001"));
    assert.match(changed.output, /~ port += 3000 -> 3001/);
    assert.doesNotMatch(changed.output, /known after apply/);
    await workspace.apply();
    assert.equal(stored().id, id);
    assert.equal(stored().targets[0].port, 3001);
    await workspace.assertEmptyPlan();

    for (const form of [id, DOMAIN, `domain=${DOMAIN}`, "name=shop"]) {
      await workspace.run("state", "rm", ADDRESS);
      const imported = await workspace.import(ADDRESS, form);
      assert.equal(imported.code, 0, imported.output);
      await workspace.assertEmptyPlan();
    }

    await workspace.destroy();
    assert.equal(server.services.size, 0);
  });

  test("every drift is shown and repaired in place", async function () {
    // Two commands per attribute: more than the usual limit on a busy machine.
    this.timeout(120_000);
    const hcl = basic(`
      pass_host_header = true
      access_restrictions = { allowed_countries = ["DE", "FR"], blocked_cidrs = ["192.0.2.0/24"], cidr_mode = "observe" }
      access_rules = [
        { path_prefix = "/hook", methods = ["POST", "GET"], header = { name = "X-Hook" }, action = "allow" },
        { path = "/admin", action = "deny", mode = "observe" },
      ]`);
    await workspace.apply(hcl);
    const original = structuredClone(stored());
    const drifts: Record<string, (service: Json) => void> = {
      name: (one) => (one.name = "other"),
      enabled: (one) => (one.enabled = false),
      public: (one) => (one.public = false),
      pass_host_header: (one) => (one.pass_host_header = false),
      rewrite_redirects: (one) => (one.rewrite_redirects = true),
      private: (one) => (one.private = true),
      access_groups: (one) => (one.access_groups = ["group1"]),
      access_restrictions: (one) => (one.access_restrictions = undefined),
      allowed_countries: (one) => (one.access_restrictions.allowed_countries = ["DE"]),
      cidr_mode: (one) => (one.access_restrictions.cidr_mode = "enforce"),
      access_rules: (one) => (one.access_rules = undefined),
      rule_order: (one) => one.access_rules.reverse(),
      rule_action: (one) => (one.access_rules[1].action = "allow"),
      port: (one) => (one.targets[0].port = 1),
      protocol: (one) => (one.targets[0].protocol = "https"),
      target_id: (one) => (one.targets[0].target_id = api),
      "target.enabled": (one) => (one.targets[0].enabled = false),
      skip_tls_verify: (one) => (one.targets[0].options = { skip_tls_verify: true }),
      path_rewrite: (one) => (one.targets[1].options = { request_timeout: "1m30s" }),
      request_timeout: (one) => (one.targets[1].options.request_timeout = "10s"),
      "target removed": (one) => one.targets.pop(),
      "target added": (one) => one.targets.push({ ...one.targets[0], path: "/more" }),
      "path twice": (one) => one.targets.push({ ...one.targets[0] }),
      password: (one) => (one.auth = { password_auth: { enabled: true, password: "" } }),
      sso: (one) => (one.auth = { bearer_auth: { enabled: true, distribution_groups: null } }),
    };
    for (const [name, drift] of Object.entries(drifts)) {
      drift(stored());
      const { empty, failed, output } = await workspace.plan();
      assert.ok(!empty && !failed, `${name}: the drift is not seen\n${output}`);
      assert.match(output, /1 to change/, `${name}: not in place\n${output}`);
      await workspace.apply();
      const { revision, ...repaired } = stored();
      const { revision: _, ...before } = original;
      assert.deepEqual(repaired, before, name);
      await workspace.assertEmptyPlan();
    }
  });

  test("order of lists, case of headers and canonical durations are no drift", async () => {
    await workspace.apply(
      basic(`access_restrictions = { allowed_countries = ["DE", "FR"] }`).replace(
        "public = true",
        `auth = { headers = { "x-api-key" = { value = "s3cret" } } }`,
      ),
    );
    const one = stored();
    one.access_restrictions.allowed_countries = ["FR", "DE"];
    one.auth.header_auths[0].header = "X-Api-Key";
    await workspace.assertEmptyPlan();
  });

  test("write-only secrets reach the server and neither plan nor state", async () => {
    const { server } = workspace;
    const protectedBy = (version: number, secret: string) =>
      `variable "secret" {
        type      = string
        ephemeral = true
        default   = "${secret}"
      }
      ${basic().replace(
        "public = true",
        `auth = {
          password = { value_wo = var.secret, version = ${version} }
          pin      = { value_wo = "135790", version = 1 }
          sso      = { groups = ["g1", "g2"] }
          headers  = { "X-Key" = { value_wo = "header-secret", version = 1 } }
        }`,
      )}`;
    const planned = await workspace.plan(protectedBy(1, "hunter2-first"));
    assert.doesNotMatch(planned.output, /Everyone can reach/);
    await workspace.apply();
    const id = stored().id;
    assert.equal(server.secrets.get(id)!.password, "hunter2-first");
    assert.equal(server.secrets.get(id)!.pin, "135790");
    assert.equal(server.secrets.get(id)!["header:x-key"], "header-secret");
    assert.deepEqual(stored().auth.bearer_auth.distribution_groups, ["g1", "g2"]);
    const { output } = await workspace.run("state", "pull");
    for (const secret of ["hunter2", "135790", "header-secret"]) assert.ok(!output.includes(secret), secret);
    await workspace.assertEmptyPlan();

    // Another value alone is invisible; nothing is sent with other changes either.
    await workspace.apply(protectedBy(1, "hunter2-second").replace(`name   = "shop"`, `name   = "boutique"`));
    assert.equal(stored().name, "boutique");
    assert.equal(server.secrets.get(id)!.password, "hunter2-first");

    await workspace.apply(protectedBy(2, "hunter2-second"));
    assert.equal(server.secrets.get(id)!.password, "hunter2-second");
    assert.equal(server.secrets.get(id)!.pin, "135790");
    await workspace.assertEmptyPlan();

    await workspace.run("state", "rm", ADDRESS);
    await workspace.import(ADDRESS, DOMAIN);
    const adopted = await workspace.plan();
    assert.match(adopted.output, /0 to add, 1 to change, 0 to destroy/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("a secret that vanished from the server is sent again", async () => {
    const { server } = workspace;
    const hcl = (name: string) =>
      basic()
        .replace("public = true", `auth = { password = { value_wo = "hunter2", version = 1 } }`)
        .replace(`name   = "shop"`, `name   = "${name}"`);
    await workspace.apply(hcl("shop"));
    stored().auth = {};
    server.secrets.get(stored().id)!.password = undefined;
    workspace.configure(hcl("boutique"));
    // Without a refresh the plan cannot know; the provider looks before it counts on the stored secret.
    const { code, output } = await workspace.run("apply", "-refresh=false", "-auto-approve", "-no-color");
    assert.equal(code, 0, output);
    assert.equal(server.secrets.get(stored().id)!.password, "hunter2");
  });

  test("a service that everyone can reach is warned about until that is confirmed", async () => {
    const { output } = await workspace.plan(basic().replace("public = true", ""));
    assert.match(output, /Warning: Everyone can reach shop\.proxy\.example\.test/);
    assert.match(output, /public = true/);
    assert.doesNotMatch((await workspace.plan(basic())).output, /Warning/);
    const limited = basic(`access_restrictions = { allowed_cidrs = ["192.0.2.0/24"] }`).replace(
      "public = true",
      "",
    );
    assert.doesNotMatch((await workspace.plan(limited)).output, /Warning/);
    assert.match((await workspace.plan(basic(`auth = { sso = {} }`))).output, /Error: Contradiction/);
  });

  test("rules decide whether everyone can reach it, where they are for everything", async () => {
    const warned = async (auth: string, rule: string) => {
      const hcl = basic(`${auth}\naccess_rules = [{ ${rule} }]`).replace("public = true", "");
      const { output, failed } = await workspace.plan(hcl);
      assert.ok(!failed, output);
      return /Everyone can reach/.test(output);
    };
    const sso = "auth = { sso = {} }";
    assert.ok(await warned(sso, `path_prefix = "/", action = "allow"`));
    assert.ok(await warned("", `path_prefix = "/admin", action = "deny"`));
    assert.ok(await warned("", `path_prefix = "/", action = "deny", mode = "observe"`));
    assert.ok(!(await warned("", `path_prefix = "/", action = "deny"`)));
    assert.ok(!(await warned(sso, `path_prefix = "/webhook", action = "allow"`)));
    assert.ok(!(await warned(sso, `path_prefix = "/", methods = ["POST"], action = "allow"`)));
    assert.ok(!(await warned(sso, `path_prefix = "/admin", action = "require", require = ["sso"]`)));
  });

  test("a rule may require every method that auth has", async () => {
    const { output, failed } = await workspace.plan(
      basic(`auth = { service_tokens = true, share_links = true }
        access_rules = [{ path = "/a", action = "require", require = ["token", "share_link"] }]`).replace(
        "public = true",
        "",
      ),
    );
    assert.ok(!failed, output);
  });

  test("what the server refuses is refused in the plan, at the attribute, and nothing is written", async () => {
    const { server } = workspace;
    const { failed, output } = await workspace.plan(basic().replace(api, "no-such-peer"));
    assert.ok(failed);
    assert.match(output, /Error: The server refused the values/);
    assert.match(
      output,
      /on main\.tf line \d+, in resource "netbird_proxy_service" "shop":\n +\d+: +"\/api"/,
    );
    assert.match(output, /Attribute: targets\["\/api"\]\.target_id/);
    assert.match(output, /Hint of the server\./);
    assert.equal(server.services.size, 0);
    assert.ok(server.requests.every(({ path, method }) => method === "GET" || path.includes("dry_run=true")));

    const noCluster = await workspace.plan(basic().replace(DOMAIN, "shop.elsewhere.test"));
    assert.match(noCluster.output, /\d+: +domain = "shop\.elsewhere\.test"/);
  });

  test("a domain that is taken fails the plan, unless this apply frees it", async () => {
    await workspace.apply(basic());
    const second = service(`
      name    = "second"
      domain  = "${DOMAIN}"
      public  = true
      targets = { "/" = { target_type = "peer", target_id = "${web}", port = 1 } }`).replace(
      `"shop"`,
      `"second"`,
    );
    const taken = await workspace.plan(
      `${basic()}\n${second.replace('second" {', 'second" {\ndepends_on = [netbird_proxy_service.shop]')}`,
    );
    assert.ok(taken.failed, taken.output);
    assert.match(taken.output, /already in use/);

    const freed = await workspace.plan(
      `${basic().replace(DOMAIN, `new.${CLUSTER}`)}\n${second.replace('second" {', 'second" {\ndepends_on = [netbird_proxy_service.shop]')}`,
    );
    assert.ok(!freed.failed, freed.output);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("a server without dry runs is never sent a write while planning", async () => {
    const stock = await TerraformWorkspace.create({ ours: false });
    // Ids tell the time, and this server may have been started a second later than the other one.
    [web, api] = [stock.server.peerId("web"), stock.server.peerId("api")];
    try {
      await stock.plan(basic());
      assert.deepEqual(stock.server.seen(/^(POST|PUT|DELETE)/), []);
      await stock.apply();
      await stock.plan(basic().replace("3000", "3001"));
      assert.equal(stock.server.seen(/^(POST|PUT|DELETE)/).length, 1);
      await stock.apply();
      await stock.assertEmptyPlan();
      assert.equal((await stock.state(ADDRESS))!.url, `https://${DOMAIN}`);
      await stock.run("state", "rm", ADDRESS);
      await stock.import(ADDRESS, DOMAIN);
      await stock.assertEmptyPlan();
    } finally {
      await stock.close();
    }
  });

  test("apply waits until the service is live", async () => {
    const { server } = workspace;
    server.readsUntilLive = 3;
    await workspace.apply(basic());
    assert.ok(server.seen(/^GET \/reverse-proxies\/services\//).length >= 3);
    assert.ok(
      workspace.logLines.some(
        (line) => line.includes("waiting for the service to be live") && line.includes("elapsed_ms"),
      ),
    );
    assert.equal((await workspace.state(ADDRESS))!.status, "active");
    await workspace.assertEmptyPlan();
  });

  test("a service that does not become live fails with the server's reason, and stays in the state", async () => {
    const { server } = workspace;
    server.readsUntilLive = Number.POSITIVE_INFINITY;
    const output = await workspace.applyFails(basic(`timeouts = { create = "400ms" }`));
    assert.match(output, /Error: shop\.proxy\.example\.test is not live/);
    assert.match(output, /the target refused the connection \(target\.unreachable\)/);
    assert.match(output, /What to do: start it/);
    const state = (await workspace.state(ADDRESS))!;
    assert.equal(state.id, stored().id);
    assert.equal(state.status, "pending");
    assert.equal(state.status_reason.code, "target.unreachable");
    await workspace.destroy();
    assert.equal(server.services.size, 0);
  });

  test("a create that fails while it waits keeps the object", async () => {
    const { server } = workspace;
    server.readsUntilLive = Number.POSITIVE_INFINITY;
    server.fault("GET", /^\/reverse-proxies\/services\//, { status: 403 });
    const output = await workspace.applyFails(basic());
    assert.match(output, /Not allowed to create netbird_proxy_service/);
    assert.equal((await workspace.state(ADDRESS))!.id, stored().id);
  });

  test("wait_for_live = false does not wait", async () => {
    workspace.server.readsUntilLive = Number.POSITIVE_INFINITY;
    await workspace.apply(basic("wait_for_live = false"));
    assert.equal((await workspace.state(ADDRESS))!.status, "pending");
    await workspace.assertEmptyPlan();
  });

  test("an update that does not become live keeps what was changed", async () => {
    await workspace.apply(basic());
    stored().pending_reads = 0;
    workspace.server.readsUntilLive = Number.POSITIVE_INFINITY;
    const output = await workspace.applyFails(
      basic(`timeouts = { update = "300ms" }`).replace("3000", "3001"),
    );
    assert.match(output, /is not live/);
    assert.equal((await workspace.state(ADDRESS))!.targets["/"].port, 3001);
    stored().pending_reads = 0;
    await workspace.assertEmptyPlan();
  });

  test("an interrupt ends the wait and keeps the object", async () => {
    const { server } = workspace;
    server.readsUntilLive = Number.POSITIVE_INFINITY;
    workspace.configure(basic());
    const command = workspace.start("apply", "-auto-approve", "-input=false", "-no-color");
    while (server.seen(/^GET \/reverse-proxies\/services\//).length < 2)
      await new Promise((resolve) => setTimeout(resolve, 20));
    command.interrupt();
    const { code, output } = await command.finished;
    assert.equal(code, 1, output);
    assert.match(output, /Interrupted/);
    assert.match(output, /terraform\s+[│\s]*untaint/);
    assert.equal((await workspace.state(ADDRESS))!.id, stored().id);
  });

  test("a create whose answer is lost adopts what was created", async () => {
    const { server } = workspace;
    server.fault("POST", /^\/reverse-proxies\/services$/, { after: true, cut: true });
    await workspace.apply(basic());
    assert.equal((await workspace.state(ADDRESS))!.id, stored().id);
    await workspace.assertEmptyPlan();
  });

  test("a service that is gone is planned anew; one that may not be read stays", async () => {
    const { server } = workspace;
    await workspace.apply(basic());
    for (const status of [401, 403, 500]) {
      server.fault("GET", /^\/reverse-proxies\/services/, { status, times: 9 });
      const { failed, output } = await workspace.plan();
      assert.ok(failed, output);
      assert.doesNotMatch(output, /will be created/);
      server.clearFaults();
    }
    server.services.clear();
    const { output } = await workspace.plan();
    assert.match(output, /will be created/);
    await workspace.destroy();
  });

  test("destroying what is gone already is a success", async () => {
    const { server } = workspace;
    await workspace.apply(basic());
    server.services.clear();
    const { code, output } = await workspace.run("destroy", "-refresh=false", "-auto-approve", "-no-color");
    assert.equal(code, 0, output);
  });

  test("importing an unknown id says so, an unknown domain names what there is", async () => {
    workspace.configure(basic());
    const unknown = await workspace.import(ADDRESS, "d2k0example0000000ab");
    assert.match(unknown.output, /Cannot import non-existent remote object/);
    await workspace.apply();
    await workspace.run("state", "rm", ADDRESS);
    const wrong = await workspace.import(ADDRESS, `shoop.${CLUSTER}`);
    assert.match(
      wrong.output,
      new RegExp(`There is no service with domain[\\s\\S]*${DOMAIN.replaceAll(".", "\\.")}`),
    );
  });

  test("mode makes a new service; layer 4 modes take one target and a port", async () => {
    const { server } = workspace;
    await workspace.apply(basic());
    const tcp = service(`
      name        = "shop"
      domain      = "${DOMAIN}"
      mode        = "tcp"
      public      = true
      target      = { target_type = "peer", target_id = "${web}", port = 5432 }`);
    const { output } = await workspace.plan(tcp);
    assert.match(output, /must be replaced/);
    assert.match(output, /"http" -> "tcp" # forces replacement/);
    await workspace.apply();
    assert.equal(server.only(server.services).mode, "tcp");
    assert.equal(server.only(server.services).targets[0].protocol, "tcp");
    const state = (await workspace.state(ADDRESS))!;
    assert.equal(state.listen_port, 12_345);
    assert.equal(state.target.protocol, "tcp");
    assert.equal(state.url, `tcp://${DOMAIN}:12345`);
    await workspace.assertEmptyPlan();
    await workspace.run("state", "rm", ADDRESS);
    await workspace.import(ADDRESS, DOMAIN);
    await workspace.assertEmptyPlan();
  });

  test("mistakes are found without asking the server", async () => {
    const wrong: [string, RegExp][] = [
      [basic(`mode = "tcp"`), /Mode tcp takes one `target`/],
      [basic(`listen_port = 80`), /share the proxy's ports/],
      [basic().replace(`"/api" =`, `"api" =`), /"api" is not a path/],
      [basic().replace(`"/api" =`, `"//" =`), /match the same requests/],
      [basic().replace("port = 3000", "port = 70000"), /70000 is not between 1 and 65535/],
      [basic().replace("port = 3000", "port = 1.5"), /Not a whole number/],
      [basic().replace("90s", "90 seconds"), /is not a duration/],
      [basic().replace(DOMAIN, "Shop.Example"), /a domain name in lower case/],
      [basic(`access_restrictions = { allowed_cidrs = ["192.0.2.1/24"] }`), /bits set behind the prefix/],
      [basic(`access_restrictions = { allowed_countries = ["de"] }`), /country code in capital letters/],
      [basic("private = true").replace("public = true", ""), /A private service needs/],
      [basic("auth = {}").replace("public = true", ""), /needs at least one of/],
      [basic(`auth = { pin = {} }`).replace("public = true", ""), /Set `value_wo`/],
      [
        basic().replace("{ path_rewrite", "{ proxy_protocol = true, path_rewrite"),
        /PROXY protocol is for modes/,
      ],
      [basic().replace("port = 3000", `port = 3000, host = "x"`), /server looks the address up/],
      [basic().replace(`"peer"`, `"subnet"`), /A subnet has many hosts/],
      [basic().replace(`"peer"`, `"cluster"`), /direct_upstream = true/],
      // The server enabled it all the same, and the plan was never empty.
      [
        service(`
          name   = "db"
          domain = "${DOMAIN}"
          mode   = "tcp"
          target = { target_type = "peer", target_id = "${web}", port = 5432, enabled = false }`),
        /set `enabled = false` of the service/,
      ],
    ];
    for (const [hcl, message] of wrong) {
      workspace.configure(hcl);
      const { code, output } = await workspace.run("validate", "-no-color");
      assert.equal(code, 1, `${message}\n${output}`);
      assert.match(output.replace(/\s+/g, " "), message);
    }
    assert.deepEqual(workspace.server.requests, []);
  });

  test("thirty services are created, read with two requests, and destroyed", async () => {
    const { server } = workspace;
    const many = `resource "netbird_proxy_service" "shop" {
      count   = 30
      name    = "shop-\${count.index}"
      domain  = "shop-\${count.index}.${CLUSTER}"
      public  = true
      targets = { "/" = { target_type = "peer", target_id = "${web}", port = 3000 } }
    }`;
    await workspace.apply(many);
    assert.equal(server.services.size, 30);
    server.requests.length = 0;
    await workspace.assertEmptyPlan();
    assert.ok(server.seen(/services/).length <= 2, server.seen(/./).join("\n"));
    await workspace.destroy();
    assert.equal(server.services.size, 0);
  });

  test("everything unknown while planning becomes known while applying", async () => {
    const hcl = `
      resource "terraform_data" "input" { input = { name = "shop", domain = "${DOMAIN}", path = "/x", peer = "${web}", port = 3000 } }
      resource "netbird_proxy_service" "shop" {
        name    = terraform_data.input.output.name
        domain  = terraform_data.input.output.domain
        public  = true
        targets = { (terraform_data.input.output.path) = {
          target_type = "peer", target_id = terraform_data.input.output.peer, port = terraform_data.input.output.port } }
      }`;
    await workspace.apply(hcl);
    assert.equal(stored().targets[0].path, "/x");
    await workspace.assertEmptyPlan();
  });

  test("a custom domain and a service under it are planned and applied together", async () => {
    const hcl = `
      resource "netbird_custom_domain" "apps" {
        domain         = "apps.example.org"
        target_cluster = "${CLUSTER}"
      }
      resource "netbird_proxy_service" "shop" {
        name    = "shop"
        domain  = "shop.\${netbird_custom_domain.apps.domain}"
        public  = true
        targets = { "/" = { target_type = "peer", target_id = "${web}", port = 3000 } }
      }`;
    await workspace.apply(hcl);
    assert.equal(stored().proxy_cluster, CLUSTER);
    await workspace.assertEmptyPlan();
  });
});
