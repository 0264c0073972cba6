import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { ProxyId, ProxyTokenId } from "@netbird-proxy/proto";
import { openKeyFile } from "../../src/secrets/key-file.ts";
import { parseKeys } from "../../src/secrets/key-text.ts";
import { sealedColumns } from "../../src/secrets/sealed-columns.ts";
import { namedKeyId } from "../../src/secrets/secret-box.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { saveProxy } from "../../src/store/proxies.ts";
import { CLUSTER, directTarget } from "../support/control-plane.ts";
import { engine, makeDatabase, type TestDatabase } from "../support/database.ts";
import {
  buildServer,
  type ServerProcess,
  spawnCommand,
  startServerProcess,
} from "../support/server-process.ts";

const WRITERS = 200;

suite(`encryption keys are rotated while servers run (${engine})`, function () {
  this.timeout(180_000);
  let made: TestDatabase;
  const servers: ServerProcess[] = [];
  suiteSetup(buildServer);
  setup(async () => {
    made = await makeDatabase();
  });
  teardown(async () => {
    for (const server of servers.splice(0)) await server.stop("SIGKILL");
    await made.drop();
  });

  const keyFile = (host = "a") => join(made.folder, host, "encryption.key");
  const env = (host = "a") => ({
    NB_SERVER_STATE_DIR: join(made.folder, host),
    NB_SERVER_DATABASE: made.database,
  });
  const idsInFile = (host = "a") => parseKeys(readFileSync(keyFile(host), "utf8"), "f").map(({ id }) => id);

  async function start(host = "a"): Promise<ServerProcess> {
    const server = await startServerProcess(env(host));
    servers.push(server);
    return server;
  }
  async function setUp(server: ServerProcess): Promise<void> {
    const { body } = await server.call("POST", "/setup", {
      email: "owner@example.com",
      name: "Owner",
      password: "correct horse",
      create_pat: true,
    });
    server.token = body.personal_access_token;
  }
  async function cli(host: string, ...args: string[]) {
    const child = spawnCommand(args, env(host));
    let out = "";
    let err = "";
    child.stdout!.on("data", (chunk) => (out += chunk));
    child.stderr!.on("data", (chunk) => (err += chunk));
    const [code] = await once(child, "close");
    return { code: code as number, out, err };
  }
  async function done(host: string, ...args: string[]) {
    const said = await cli(host, ...args);
    assert.equal(said.code, 0, said.err);
    return said;
  }
  async function withStore<T>(work: (store: Store) => Promise<T>, host = "a"): Promise<T> {
    const store = await openStore({
      database: made.database,
      encryptionKey: openKeyFile(keyFile(host)),
      busyTimeoutMs: 30_000,
    });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }
  /** A cluster to put services on; there is no proxy in these tests. */
  const connectProxy = () =>
    withStore(({ db }) =>
      saveProxy(db, {
        id: "proxy-1" as ProxyId,
        accountId: null,
        tokenId: "token" as ProxyTokenId,
        cluster: CLUSTER,
        sessionId: "session",
        version: "",
        ip: "192.0.2.7",
        connected: true,
        connectedAt: Date.now(),
        lastSeen: Date.now() + 3_600_000,
        capabilities: {},
        acme: null,
        appliedRevision: 0,
        wireguardEndpoint: "",
        websocketEndpoint: "",
        publicHttpsPort: 443,
      }),
    );
  /** Every sealed value names this key and opens with the file as it is now. @returns how many there are of each table */
  const assertSealedWith = (keyId: string) =>
    withStore(async ({ db, secrets }) => {
      const counts: Record<string, number> = {};
      for (const { table, column, purpose, ...rest } of sealedColumns) {
        const rows = await db(table)
          .whereNotNull(column)
          .where("only" in rest ? { [rest.key[0]]: rest.only } : {});
        for (const row of rows) {
          assert.equal(namedKeyId(row[column]), keyId, `${table} ${row[column].slice(0, 20)}`);
          secrets.open(row[column], purpose);
        }
        counts[table] = rows.length;
      }
      return counts;
    });

  /** Each writes again and again until told to stop; every answer has to be right. */
  async function writeMeanwhile(server: ServerProcess, work: () => Promise<void>): Promise<number> {
    let stopped = false;
    let writes = 0;
    const peers: string[] = [];
    const write = async (writer: number) => {
      for (let n = 0; !stopped || n === 0; n += 1) {
        const name = `w${writer}-${n}`;
        const kind = (writer + n) % 4;
        const answer =
          kind === 0
            ? await server.call("POST", "/reverse-proxies/services", {
                name,
                domain: `${name}.${CLUSTER}`,
                enabled: true,
                public: true,
                targets: [directTarget()],
              })
            : kind === 1 && peers.length > 0
              ? await server.call("GET", `/peers/${peers[n % peers.length]}/wireguard-config`)
              : await server.call(
                  "POST",
                  "/peers",
                  { name, preshared_key: true },
                  { "idempotency-key": name },
                );
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        if (kind === 1 && typeof answer.body === "string")
          assert.match(answer.body, /PresharedKey|\[Interface\]/);
        if (answer.body.wireguard_config) peers.push(answer.body.id);
        writes += 1;
      }
    };
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    try {
      await Promise.race([work(), writers]);
    } finally {
      stopped = true;
    }
    await writers;
    return writes;
  }

  test(`a rotation and its clean-up with ${WRITERS} writers at once lose nothing`, async () => {
    const server = await start();
    await setUp(server);
    await connectProxy();
    const first = await server.call(
      "POST",
      "/peers",
      { name: "before", preshared_key: true },
      { "idempotency-key": "before" },
    );
    const config = await server.call("GET", `/peers/${first.body.id}/wireguard-config`);
    const [old] = idsInFile();
    const writes = await writeMeanwhile(server, async () => {
      await setTimeout(300);
      await done("a", "key", "rotate");
      await done("a", "key", "prune");
      // What is written with the old key now would be lost.
      await setTimeout(300);
    });
    assert.ok(writes >= WRITERS, String(writes));
    const [current, ...others] = idsInFile();
    assert.notEqual(current, old);
    assert.deepEqual(others, []);
    const counts = await assertSealedWith(current!);
    for (const table of ["services", "peers", "idempotency_keys"])
      assert.ok(counts[table]! > 10, JSON.stringify(counts));
    const repeated = await server.call(
      "POST",
      "/peers",
      { name: "before", preshared_key: true },
      { "idempotency-key": "before" },
    );
    assert.deepEqual(repeated, first);
    assert.deepEqual(await server.call("GET", `/peers/${first.body.id}/wireguard-config`), config);
    // A server that has never had the old key reads all of it.
    await server.stop();
    const again = await start();
    again.token = server.token;
    assert.deepEqual(await again.call("GET", `/peers/${first.body.id}/wireguard-config`), config);
  });

  const ROWS = 8_000;
  const fill = () =>
    withStore(async ({ db, secrets }) => {
      const rows = Array.from({ length: ROWS }, (_, n) => ({
        cluster: `c${n % 7}`,
        directory_url: `https://ca.test/${n}`,
        sealed_key: secrets.seal(`key ${n}`, "acme account key"),
      }));
      await db.batchInsert("acme_accounts", rows, 200);
    });

  test("kill -9 of the command at any point loses nothing, and the next run goes on", async () => {
    const server = await start();
    await setUp(server);
    await fill();
    const [old] = idsInFile();
    const rowsOf = async (id: string) => {
      const { keys } = JSON.parse((await done("a", "key", "status", "--json")).out);
      return keys.find((key: { id: string }) => key.id === id)?.rows.acme_accounts ?? 0;
    };
    let inTheMiddle = 0;
    // After so many pages of a hundred rows; 0 is before the first one, where the file may be old or new.
    for (const pages of [0, 1, 2, 20, 40]) {
      const child = spawnCommand(["key", "rotate"], env());
      let seen = 0;
      let said = "";
      child.stderr!.on("data", (chunk) => {
        said += chunk;
        seen = said.match(/rows sealed anew/g)?.length ?? 0;
        if (pages === 0 ? said.includes("made key") : seen >= pages) child.kill("SIGKILL");
      });
      const [code, signal] = await once(child, "close");
      assert.deepEqual([code, signal], [null, "SIGKILL"], said);
      const left = await rowsOf(old!);
      if (left > 0 && left < ROWS) inTheMiddle += 1;
      // The server that runs and one that starts now can read both kinds of rows.
      assert.equal((await server.call("POST", "/peers", { name: "p", preshared_key: true })).status, 200);
      await withStore(async ({ db, secrets }) => {
        const rows = await db("acme_accounts");
        for (const { directory_url, sealed_key } of rows) {
          assert.equal(
            secrets.open(sealed_key, "acme account key"),
            `key ${directory_url.split("/").at(-1)}`,
          );
        }
      });
      const pruned = await cli("a", "key", "prune");
      if (left > 0 && idsInFile()[0] !== old) assert.match(pruned.err, /key\.in_use/);
    }
    assert.ok(inTheMiddle >= 3, `it was killed ${inTheMiddle} times in the middle`);
    assert.match((await done("a", "key", "rotate")).err, /going on with the rotation/);
    const ids = idsInFile();
    assert.deepEqual(ids.slice(1), [old], "every run made a key of its own");
    await done("a", "key", "prune");
    const counts = await assertSealedWith(ids[0]!);
    assert.equal(counts.acme_accounts, ROWS);
  });

  test("a key file that lost its key is found at the start, and a running server keeps its keys", async () => {
    const server = await start();
    await setUp(server);
    await done("a", "key", "rotate");
    const both = readFileSync(keyFile(), "utf8");
    const oldLine = both.split("\n")[1]!;
    writeFileSync(keyFile(), "half a ke");
    assert.equal((await server.call("POST", "/peers", { name: "p", preshared_key: true })).status, 200);
    await assert.rejects(start(), /encryption\.key, line 1, cannot be used/);
    writeFileSync(keyFile(), `${oldLine}\n`);
    await assert.rejects(
      start(),
      /"code":"storage\.unreadable".*"hint":"Put the key file back.*does not belong to .*the database needs/,
    );
    assert.equal((await server.call("POST", "/peers", { name: "q", preshared_key: true })).status, 200);
    writeFileSync(keyFile(), both);
    const again = await start();
    again.token = server.token;
    for (const { id } of (await again.call("GET", "/peers")).body) {
      const { status } = await again.call("GET", `/peers/${id}/wireguard-config`);
      assert.equal(status, 200);
    }
  });

  if (engine === "postgres") {
    test("servers with files of their own: nothing happens before each has the key, and none seals with the old one after", async () => {
      const a = await start("a");
      await setUp(a);
      await connectProxy();
      mkdirSync(join(made.folder, "b"), { mode: 0o700 });
      copyFileSync(keyFile("a"), keyFile("b"));
      const b = await start("b");
      b.token = a.token;
      const [old] = idsInFile();
      const both = async () => {
        for (const server of [a, b]) {
          const { status } = await server.call("POST", "/peers", { name: "p", preshared_key: true });
          assert.equal(status, 200);
        }
        for (const server of [a, b]) {
          for (const { id } of (await server.call("GET", "/peers")).body) {
            assert.equal((await server.call("GET", `/peers/${id}/wireguard-config`)).status, 200);
          }
        }
      };
      await both();
      const early = await cli("a", "key", "rotate");
      assert.equal(early.code, 1);
      assert.match(early.err, /key\.unknown_to_server: server .*no key.*\n.*Copy the key file/);
      const error = early.err.slice(early.err.indexOf("key.unknown_to_server"));
      assert.ok(error.includes(`:${b.port} `) && !error.includes(`:${a.port} `), early.err);
      assert.equal(idsInFile()[0], old);
      await both();

      copyFileSync(keyFile("a"), keyFile("b"));
      await writeMeanwhile(b, async () => {
        await done("a", "key", "rotate");
      });
      const [current] = idsInFile();
      // B's file has the old key first to this moment; the database has told it not to use it.
      assert.equal(idsInFile("b")[0], old);
      await both();
      await assertSealedWith(current!);
      await done("a", "key", "prune");
      await both();
      await b.stop();
      const restarted = await start("b");
      restarted.token = a.token;
      assert.equal(
        (await restarted.call("POST", "/peers", { name: "late", preshared_key: true })).status,
        200,
      );
      await assertSealedWith(current!);
      // Copying the file or pruning there, both are right.
      await done("b", "key", "prune");
      assert.deepEqual(idsInFile("b"), [current]);
    });
  }
});
