import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import knex from "knex";
import { Api, ApiError } from "../../scripts/stack/api.ts";
import { type Child, waitFor } from "../../scripts/stack/child.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { httpsGet } from "../../scripts/stack/https-get.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { startAgent, startProxy, startServer } from "../../scripts/stack/programs.ts";
import { startSampleService } from "../../scripts/stack/sample-service.ts";
import { sqliteClient } from "../../server/src/store/sqlite-client.ts";
import { type ServiceBody, Stack } from "../support/stack.ts";
import { TerraformWorkspace } from "../support/terraform-workspace.ts";

/** Every mistake is answered with the field and the remedy, and leaves nothing behind. Needs root for mount(8). */
suite("what users and machines get wrong", function () {
  this.timeout(60_000);
  const stack = new Stack();
  const mounts: string[] = [];
  const extra: Child[] = [];
  let backend: Server;
  let port = 0;
  let main: ServiceBody;
  let workspace: TerraformWorkspace;

  suiteSetup(async () => {
    // Volumes of their own, so that they can be filled.
    mountVolume(join(stack.folder, "server"), "16m");
    mountVolume(join(stack.folder, "proxy"), "256k");
    await stack.start();
    port = await freePort("tcp");
    backend = await startSampleService("main", port);
    main = await stack.createService(service({ name: "main", domain: `main.${stack.domain}` }));
    await stack.waitForState(main.id, "active");
    workspace = new TerraformWorkspace(stack.folder, {
      NB_MANAGEMENT_URL: stack.managementUrl,
      NB_PAT: stack.api.token!,
    });
    workspace.write(hcl());
    await workspace.ok("init");
  });

  teardown(async () => {
    for (const child of extra.splice(0)) await child.stop();
  });

  suiteTeardown(async () => {
    for (const child of [stack.agent, stack.proxy, stack.server]) await child?.stop();
    for (const folder of mounts.splice(0)) execFileSync("umount", [folder]);
    await stack.stop();
    backend?.closeAllConnections();
    backend?.close();
  });

  function mountVolume(folder: string, size: string): void {
    mkdirSync(folder, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", folder]);
    mounts.push(folder);
  }

  /** @returns the file that takes up the rest of the volume */
  function fill(folder: string): string {
    const filler = join(folder, "filler");
    assert.throws(() => writeFileSync(filler, Buffer.alloc(32 * 1024 * 1024)), { code: "ENOSPC" });
    return filler;
  }

  function service(change: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      name: "wrong",
      domain: `wrong.${stack.domain}`,
      mode: "http",
      enabled: true,
      public: true,
      targets: [target()],
      ...change,
    };
  }
  const target = (change: Record<string, unknown> = {}) => ({ ...stack.peerTarget(port), ...change });

  interface Wrong {
    domain?: string;
    targets?: string;
    rest?: string;
  }
  const hclTarget = (change = "") =>
    `{ target_type = "peer", target_id = "${stack.peerId}", port = ${port} ${change} }`;
  function hcl({ domain = `wrong.${stack.domain}`, targets, rest = "" }: Wrong = {}): string {
    return `
resource "netbird_proxy_service" "wrong" {
  name   = "wrong"
  domain = "${domain}"
  public = true
  ${targets ?? `targets = { "/" = ${hclTarget()} }`}
  ${rest}
}`;
  }

  /** What must be there unchanged after every mistake. */
  async function objects(): Promise<unknown> {
    const paths = [
      "/reverse-proxies/services",
      "/reverse-proxies/domains",
      "/reverse-proxies/clusters",
      "/peers",
      "/groups",
      "/setup-keys",
    ];
    const lists = await Promise.all(
      paths.map((path) => stack.api.call<Record<string, unknown>[]>("GET", path)),
    );
    return lists.map((list) => list.map(({ id, name, used_times }) => [id, name, used_times]));
  }

  interface Refusal {
    status: number;
    code: string;
    path?: string;
    message?: RegExp;
    hint: RegExp;
  }

  async function refused(
    expected: Refusal,
    body: unknown,
    { path = "/reverse-proxies/services", api = stack.api } = {},
  ): Promise<void> {
    const before = await objects();
    const error = await api.call("POST", path, body).then(
      (made) => assert.fail(`it was accepted: ${JSON.stringify(made)}`),
      (failure: unknown) => failure,
    );
    assert.ok(error instanceof ApiError, String(error));
    const { code, path: field = "", hint = "" } = error.body.error ?? {};
    assert.deepEqual(
      { status: error.status, code, path: field },
      { status: expected.status, code: expected.code, path: expected.path ?? "" },
    );
    assert.match(error.body.message ?? "", expected.message ?? /./);
    assert.match(hint, expected.hint);
    assert.deepEqual(await objects(), before);
  }

  /** Terraform breaks its words over lines and puts a box around them. */
  const flat = (output: string) => output.replace(/[\s│╷╵]+/g, " ");

  /** The plan fails, so nothing can have been written. */
  async function planFails(configuration: string, ...expected: RegExp[]): Promise<string> {
    workspace.write(configuration);
    const output = flat(await workspace.fails("plan"));
    for (const pattern of expected) assert.match(output, pattern);
    return output;
  }

  async function exits(child: Child, code: number): Promise<string> {
    extra.push(child);
    await waitFor(`${child.name} to end`, () => (child.running ? undefined : true), {
      timeoutMs: 10_000,
    }).catch((error: Error) => assert.fail(`${error.message}\n${child.lastLines()}`));
    const said = child.lastLines(40);
    assert.equal(child.exitCode, code, said);
    assert.doesNotMatch(said, /^\s+at .*:\d+:\d+\)?$/m, "a stack trace is no message");
    return said;
  }

  const ask = () => httpsGet(stack.url(main.domain), { ca: stack.ca.certificate });
  const serves = async () => assert.equal((await ask()).status, 200);

  suite("in a service", () => {
    test("a target that does not exist", async () => {
      const target_id = "d2k0peer00000000000a";
      await refused(
        {
          status: 422,
          code: "service.target_not_found",
          path: "targets[0].target_id",
          message: /d2k0peer00000000000a/,
          hint: /existing peer/,
        },
        service({ targets: [target({ target_id })] }),
      );
      await planFails(
        hcl({
          targets: `targets = { "/" = { target_type = "peer", target_id = "${target_id}", port = 80 } }`,
        }),
        /targets\["\/"\]\.target_id/,
        /d2k0peer00000000000a does not exist/,
        /Use the id of an existing peer/,
      );
    });

    test("a target that is there twice, also with a slash at the end of its path", async () => {
      for (const second of ["/api", "/api/"]) {
        await refused(
          {
            status: 422,
            code: "service.duplicate_target",
            path: "targets[1].target_id",
            message: /targets\[0\]/,
            hint: /change its path/,
          },
          service({ targets: [target({ path: "/api" }), target({ path: second })] }),
        );
      }
      await planFails(
        hcl({ targets: `targets = { "/api" = ${hclTarget()}, "/api/" = ${hclTarget()} }` }),
        /The same path twice/,
        /"\/api\/" and "\/api" match the same requests/,
        /Give one of the two another path, or make it one of the `replicas`/,
      );
      // The same key twice never reaches a provider: HCL keeps the last one, and the plan shows one target.
      workspace.write(
        hcl({ targets: `targets = { "/" = ${hclTarget(', protocol = "https"')}, "/" = ${hclTarget()} }` }),
      );
      const [planned] = await workspace.plannedChanges();
      const targets = planned!.after!.targets as Record<string, { protocol: string }>;
      assert.deepEqual(
        Object.entries(targets).map(([path, { protocol }]) => [path, protocol]),
        [["/", "http"]],
      );
    });

    test("a domain that another service has", async () => {
      await refused(
        {
          status: 409,
          code: "service.domain_taken",
          path: "domain",
          message: /main\./,
          hint: /another domain/,
        },
        service({ domain: main.domain }),
      );
      await planFails(
        hcl({ domain: main.domain }),
        /domain += "main\.proxy\.localhost"/,
        /already in use/,
        /Choose another domain/,
      );
    });

    test("a domain that no cluster serves", async () => {
      const domain = "shop.nowhere.example";
      await refused(
        {
          status: 412,
          code: "service.no_cluster",
          path: "domain",
          message: /connected cluster \(proxy\.localhost\)/,
          hint: /add a custom domain/,
        },
        service({ domain }),
      );
      await planFails(
        hcl({ domain }),
        /domain += "shop\.nowhere\.example"/,
        / shop\.nowhere\.example is neither under a connected cluster/,
        /add a custom domain first/,
      );
    });

    test("a port that is none", async () => {
      const relay = (change: Record<string, unknown>, at: Record<string, unknown> = {}) =>
        service({
          mode: "tls",
          listen_port: 9443,
          targets: [target({ protocol: "tcp", path: undefined, ...at })],
          ...change,
        });
      for (const wrong of [0, 65_536, -1, 70_000]) {
        const expected = {
          status: 422,
          code: "service.port_out_of_range",
          message: new RegExp(`port ${wrong} `),
          hint: /1 to 65535/,
        };
        // In http mode 0 is the port of the protocol, as in NetBird.
        if (wrong !== 0) {
          await refused(
            { ...expected, path: "targets[0].port" },
            service({ targets: [target({ port: wrong })] }),
          );
        }
        await refused({ ...expected, path: "targets[0].port" }, relay({}, { port: wrong }));
        await refused({ ...expected, path: "listen_port" }, relay({ listen_port: wrong }));
      }
      // One plan for all of them: validation names each.
      workspace.write(
        [0, 65_536, -1, 70_000]
          .flatMap((wrong) => [
            hcl({
              targets: `targets = { "/" = { target_type = "peer", target_id = "x", port = ${wrong} } }`,
            }),
            hcl({
              targets: `target = { target_type = "peer", protocol = "tcp", target_id = "x", port = 80 }`,
              rest: `mode = "tcp"\n  listen_port = ${wrong}`,
            }),
          ])
          .map((text, index) =>
            text.replace('"netbird_proxy_service" "wrong"', `"netbird_proxy_service" "n${index}"`),
          )
          .join("\n"),
      );
      const output = flat(await workspace.fails("plan"));
      for (const wrong of [0, 65_536, -1, 70_000]) {
        const said = output.split(` ${wrong} is not between 1 and 65535.`).length - 1;
        assert.equal(said, 2, `${wrong}:\n${output}`);
        assert.match(output, new RegExp(`listen_port = ${wrong}`));
      }
      assert.match(output, /targets\["\/"\]\.port/);
    });

    test("no targets", async () => {
      for (const targets of [[], undefined]) {
        await refused(
          { status: 422, code: "service.no_targets", path: "targets", hint: /at least one target/ },
          service({ targets }),
        );
      }
      await planFails(hcl({ targets: "targets = {}" }), /targets = \{\}/, /At least one target is needed/);
      await planFails(hcl({ targets: "" }), /needs `targets`, such as/);
    });
  });

  suite("in a token or key", () => {
    test("a wrong token of the API and of the Terraform provider", async () => {
      const wrong = new Api(stack.managementUrl, `${stack.api.token!.slice(0, -4)}0000`);
      await refused({ status: 401, code: "auth.invalid_token", hint: /new token/ }, service(), {
        api: wrong,
      });
      await refused({ status: 401, code: "auth.missing_token", hint: /Authorization: Token/ }, service(), {
        api: new Api(stack.managementUrl),
      });
      for (const [token, words] of [
        [wrong.token!, /The token was not accepted.*NB_PAT/],
        ["", /The token is missing.*NB_PAT/],
      ] as const) {
        const other = new TerraformWorkspace(stack.folder, {
          NB_MANAGEMENT_URL: stack.managementUrl,
          NB_PAT: token,
        });
        other.write(hcl());
        assert.match(flat(await other.fails("plan")), words);
      }
    });

    test("a server that does not answer: the plan says that nobody checked it, and the apply fails", async () => {
      const nobody = await freePort("tcp");
      const other = new TerraformWorkspace(join(stack.folder, "unreachable"), {
        NB_MANAGEMENT_URL: `http://127.0.0.1:${nobody}`,
        NB_PAT: stack.api.token!,
      });
      other.write(hcl());
      await other.ok("init");
      const remedy = /ECONNREFUSED.*Check `management_url` of the provider block, or NB_MANAGEMENT_URL/;
      const planned = flat(await other.ok("plan"));
      assert.match(planned, /Warning: No answer from the server/);
      assert.match(planned, /The plan was not checked by the server/);
      assert.match(planned, remedy);
      const applied = flat(await other.fails("apply", "-auto-approve"));
      assert.match(applied, /Error: No answer from the server \(create netbird_proxy_service\)/);
      assert.match(applied, remedy);
      assert.doesNotMatch(other.stateText(), /"wrong\./);
    });

    test("a wrong token of a proxy", async () => {
      const before = await objects();
      const proxy = await otherProxy({ token: "nbx_0000000000000000000000000000000000AA" });
      const line = await waitFor("the complaint", () =>
        proxy
          .lastLines(40)
          .split("\n")
          .find((text) => text.includes("UNAUTHENTICATED")),
      );
      const said = JSON.parse(line) as { level: string; hint: string };
      assert.equal(said.level, "error");
      assert.match(said.hint, /NB_PROXY_TOKEN is not accepted: make a new proxy token/);
      assert.ok(proxy.running);
      assert.deepEqual(await objects(), before);
    });

    for (const [what, make, code] of [
      ["an expired", () => setupKey({ expires_in: 1 }), /expired/],
      ["a revoked", () => setupKey({}, true), /revoked/],
      ["a used-up", () => setupKey({ type: "one-off", usage_limit: 1 }), /used 1 of 1 times/],
      ["an unknown", async () => ({ id: "", key: "00000000-0000-4000-8000-000000000000" }), /setup key/],
    ] as const) {
      test(`${what} setup key`, async () => {
        const key = await make();
        if (what === "a used-up") {
          const first = joining("first", key.key);
          extra.push(first);
          await waitFor("the first agent", async () => {
            first.assertRunning();
            return (await peers()).find(({ name }) => name === "first");
          });
          await first.stop();
        }
        if (what === "an expired") {
          await waitFor("the key to expire", async () => {
            const { state } = await stack.api.call<{ state: string }>("GET", `/setup-keys/${key.id}`);
            return state === "expired" ? true : undefined;
          });
        }
        const before = await objects();
        const said = await exits(joining("refused", key.key), 2);
        assert.match(said, code);
        assert.match(said, /[Mm]ake a new (setup key|one)/);
        assert.deepEqual(await objects(), before);
        // The key pair that was made is good for the next attempt.
        assert.deepEqual(readdirSync(join(stack.folder, "agent-refused")), ["identity.json"]);
        extra.push(joining("refused", (await setupKey()).key));
        await waitFor("the agent with a good key", async () =>
          (await peers()).find(({ name }) => name === "refused"),
        );
        for (const child of extra) await child.stop();
        for (const { id, name } of await peers()) {
          if (name !== stack.peerName) await stack.api.call("DELETE", `/peers/${id}`);
        }
        rmSync(join(stack.folder, "agent-refused"), { recursive: true });
      });
    }
  });

  async function setupKey(change: Record<string, unknown> = {}, revoked = false) {
    const made = await stack.api.call<{ id: string; key: string }>("POST", "/setup-keys", {
      name: "bad input",
      type: "reusable",
      expires_in: 3600,
      auto_groups: [],
      usage_limit: 0,
      ...change,
    });
    if (revoked) await stack.api.call("PUT", `/setup-keys/${made.id}`, { revoked: true, auto_groups: [] });
    return made;
  }

  const peers = () => stack.api.call<{ id: string; name: string }[]>("GET", "/peers");

  function joining(name: string, setupKey: string, stateDir = join(stack.folder, `agent-${name}`)): Child {
    return startAgent({
      name,
      managementUrl: stack.managementUrl,
      setupKey,
      stateDir,
      logFile: join(stack.folder, `${name}-${Date.now()}.log`),
    });
  }

  async function otherProxy({ token = "x", certificateDir = stack.folder }): Promise<Child> {
    const proxy = startProxy({
      domain: "other.localhost",
      managementUrl: stack.managementUrl,
      token,
      httpsPort: await freePort("tcp"),
      healthPort: await freePort("tcp"),
      wireguardPort: await freePort("udp"),
      stateDir: join(stack.folder, "other-proxy"),
      certificateDir,
      logFile: join(stack.folder, `other-proxy-${Date.now()}.log`),
    });
    extra.push(proxy);
    return proxy;
  }

  suite("in a database file", () => {
    const stateDir = () => join(stack.folder, "other-server");
    const file = () => join(stateDir(), "server.db");
    const start = async () => {
      const port = await freePort("tcp");
      const logFile = join(stack.folder, `other-server-${port}.log`);
      const server = startServer({ port, stateDir: stateDir(), logFile });
      extra.push(server);
      return { server, url: `http://127.0.0.1:${port}` };
    };
    const works = async () => {
      const { server, url } = await start();
      await waitFor("the repaired server", () => {
        server.assertRunning();
        return new Api(url).call("GET", "/instance");
      });
      await server.stop();
    };

    setup(async () => {
      mkdirSync(stateDir(), { recursive: true });
      await works();
    });
    teardown(() => rmSync(stateDir(), { recursive: true }));

    for (const [what, spoil, words] of [
      ["that is none", () => writeFileSync(file(), "shopping list\n".repeat(200)), /not a database/],
      ["that was cut off", () => truncateSync(file(), 40_960), /malformed/],
      ["of another program", () => makeForeign(file()), /another program.*"?table customers/],
      ["with the key of another", () => writeKey(stateDir()), /encryption key does not belong/],
      ["that is a folder", () => makeFolder(file()), /unable to open/],
    ] as const) {
      test(what, async () => {
        const backup = `${file()}.backup`;
        const key = readFileSync(join(stateDir(), "encryption.key"));
        copyFileSync(file(), backup);
        await spoil();
        const spoilt = what === "that is a folder" ? undefined : readFileSync(file());
        const { server } = await start();
        const said = JSON.parse(await exits(server, 1)) as Record<string, string>;
        assert.equal(said.level, "fatal");
        assert.equal(said.code, "storage.unreadable");
        assert.match(said.msg ?? "", words);
        assert.ok(`${said.msg} ${said.hint}`.includes(file()), `${said.msg} ${said.hint}`);
        assert.match(said.hint ?? "", /backup|Put the key file back|NB_SERVER_DATABASE/);
        if (spoilt) assert.deepEqual(readFileSync(file()), spoilt);
        rmSync(file(), { recursive: true });
        copyFileSync(backup, file());
        writeFileSync(join(stateDir(), "encryption.key"), key);
        await works();
      });
    }
  });

  async function makeForeign(file: string): Promise<void> {
    rmSync(file);
    const db = knex({ client: sqliteClient, connection: { filename: file }, useNullAsDefault: true });
    await db.schema.createTable("customers", (table) => table.increments());
    await db.destroy();
  }
  function writeKey(folder: string): void {
    writeFileSync(join(folder, "encryption.key"), `${Buffer.alloc(32, 9).toString("base64")}\n`);
  }
  function makeFolder(path: string): void {
    rmSync(path);
    mkdirSync(path);
  }

  suite("on a full disk", () => {
    test("the server refuses writes, keeps what it has, and visitors notice nothing", async () => {
      const names = async () =>
        (await stack.api.call<{ name: string }[]>("GET", "/groups")).map(({ name }) => name).sort();
      const filler = fill(join(stack.folder, "server"));
      let last: unknown;
      // The last pages may still have room.
      for (let count = 0; count < 2000 && last === undefined; count += 1) {
        last = await stack.api.call("POST", "/groups", { name: `full ${count}` }).then(
          () => undefined,
          (error: unknown) => error,
        );
      }
      assert.ok(last instanceof ApiError, "the volume never filled up");
      assert.equal(last.status, 507);
      assert.equal(last.body.error?.code, "storage.full");
      assert.match(last.body.error?.hint ?? "", /Free disk space on the volume of the state folder/);
      const before = await names();
      const plan = await planFails(hcl()).catch(() => "");
      assert.doesNotMatch(plan, /stack|TypeError/);
      await serves();
      rmSync(filler);
      await stack.api.call("POST", "/groups", { name: "after" });
      assert.deepEqual(await names(), [...before, "after"].sort());
      await stack.server.kill();
      stack.startServer();
      await waitFor("the server", () => stack.api.call("GET", "/instance"));
      assert.deepEqual(await names(), [...before, "after"].sort());
      await stack.waitForState(main.id, "active");
    });

    test("an agent that cannot save its identity does not join", async () => {
      const folder = join(stack.folder, "agent-full");
      mountVolume(folder, "4k");
      writeFileSync(join(folder, "filler"), Buffer.alloc(4096));
      const { key } = await setupKey();
      const before = await objects();
      const said = await exits(joining("full", key, folder), 1);
      assert.match(said, /cannot write .*agent-full\/identity\.json \(ENOSPC\)/);
      assert.match(said, /free some space, then start the agent again/);
      assert.deepEqual(await objects(), before);
      assert.deepEqual(readdirSync(folder), ["filler"]);
      rmSync(join(folder, "filler"));
      execFileSync("mount", ["-o", "remount,size=64k", folder]);
      extra.push(joining("full", key, folder));
      const peer = await waitFor("the agent", async () =>
        (await peers()).find(({ name }) => name === "full"),
      );
      for (const child of extra) await child.stop();
      await stack.api.call("DELETE", `/peers/${peer.id}`);
    });

    test("a proxy keeps the old state file, goes on serving, and says so", async () => {
      const folder = join(stack.folder, "proxy");
      const file = join(folder, "last-known.json");
      await waitFor("the saved state", () =>
        readdirSync(folder).includes("last-known.json") ? true : undefined,
      );
      const old = readFileSync(file);
      const filler = fill(folder);
      const added = await stack.createService(service({ name: "late", domain: `late.${stack.domain}` }));
      await stack.waitForState(added.id, "active");
      const line = await waitFor("the complaint", () =>
        stack.proxy
          .lastLines(200)
          .split("\n")
          .find((text) => text.includes("cannot be saved")),
      );
      assert.match(line, /"level":"error"/);
      assert.match(line, /ENOSPC/);
      assert.ok(line.includes(file), line);
      assert.deepEqual(readFileSync(file), old);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.endsWith(".tmp")),
        [],
      );
      await serves();
      await stack.proxy.kill();
      stack.startProxy();
      await waitFor("an answer from the old file", async () =>
        (await ask()).status === 200 ? true : undefined,
      );
      rmSync(filler);
      await stack.api.call("DELETE", `/reverse-proxies/services/${added.id}`);
      await stack.proxy.stop();
      stack.startProxy();
      await stack.waitForState(main.id, "active");
      await waitFor("a new state file", () => (readFileSync(file).equals(old) ? undefined : true));
    });
  });

  suite("in a certificate", () => {
    test("a key of another certificate stops a proxy at its start", async () => {
      const certificateDir = join(stack.folder, "mismatch");
      mkdirSync(certificateDir);
      const leaf = await issueCertificate(stack.ca, ["*.other.localhost"]);
      writeFileSync(join(certificateDir, "tls.crt"), leaf.certificate);
      copyFileSync(join(stack.folder, "tls.key"), join(certificateDir, "tls.key"));
      const before = await objects();
      const said = await exits(await otherProxy({ certificateDir }), 78);
      assert.match(said, /NB_PROXY_CERTIFICATE_DIRECTORY/);
      assert.ok(said.includes(join(certificateDir, "tls.crt")), said);
      assert.ok(said.includes(join(certificateDir, "tls.key")), said);
      assert.match(said, /does not belong to the certificate/);
      assert.deepEqual(await objects(), before);
      writeFileSync(join(certificateDir, "tls.key"), leaf.key);
      const repaired = await otherProxy({ certificateDir });
      await waitFor("the repaired proxy", () => {
        repaired.assertRunning();
        return repaired.lastLines(40).includes('"msg":"listening"') ? true : undefined;
      });
    });

    test("one put there while the proxy runs is not served, but reported", async () => {
      const keyFile = join(stack.folder, "tls.key");
      const good = readFileSync(keyFile);
      const certificate = async () => {
        const status = await stack.api.call<{
          proxies: {
            certificate?: { state: string; reason?: { code: string; message: string; hint: string } };
          }[];
        }>("GET", `/reverse-proxies/services/${main.id}/status`);
        return status.proxies[0]?.certificate;
      };
      writeFileSync(keyFile, (await issueCertificate(stack.ca, ["x.example"])).key);
      const reported = await waitFor("the report", async () => {
        const found = await certificate();
        return found?.reason ? found : undefined;
      });
      assert.equal(reported.state, "ready");
      assert.equal(reported.reason?.code, "certificate.key_mismatch");
      assert.ok(reported.reason?.message.includes(keyFile));
      assert.match(reported.reason?.hint ?? "", /install the matching pair/);
      const line = stack.proxy
        .lastLines(200)
        .split("\n")
        .find((text) => text.includes("certificate.key_mismatch"));
      assert.match(line ?? "", /"level":"error".*stays in use/);
      await serves();
      assert.equal((await stack.service(main.id)).meta.status, "active");
      writeFileSync(keyFile, good);
      await waitFor("the repair", async () => ((await certificate())?.reason ? undefined : true));
      await serves();
    });
  });
});
