import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProxyId, ProxyTokenId } from "@netbird-proxy/proto";
import { openStore, type Store } from "../src/store/open.ts";
import { saveProxy } from "../src/store/proxies.ts";
import { CLUSTER, directTarget } from "./support/control-plane.ts";
import { engine, makeDatabase, type TestDatabase } from "./support/database.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const encryptionKey = Buffer.alloc(32, 5);
const WRITES = 1_000;
/** Enough requests under way at once to be caught in every stage of a write. */
const SOCKETS = 100;

interface Server {
  child: ChildProcess;
  port: number;
}

interface Acknowledged {
  id: string;
  name: string;
  meta: { revision: number };
}

suite(`kill -9 in the middle of ${WRITES} writes (${engine})`, function () {
  this.timeout(120_000);
  let made: TestDatabase;
  let store: Store;
  let token = "";
  const servers: Server[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });

  suiteSetup(() => {
    execFileSync(process.execPath, ["scripts/build.mjs", "server"], { cwd: root, stdio: "pipe" });
  });
  setup(async () => {
    made = await makeDatabase();
    const first = await start();
    const answer = await call(first, "POST", "/setup", {
      email: "owner@example.com",
      name: "Owner",
      password: "correct horse",
      create_pat: true,
    });
    token = answer.body.personal_access_token;
    // The test looks into the database as another server would.
    store = await openStore({ database: made.database, encryptionKey });
  });
  teardown(async () => {
    for (const { child } of servers.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await store.close();
    await made.drop();
  });
  suiteTeardown(() => agent.destroy());

  async function start(): Promise<Server> {
    const child = spawn(process.execPath, [join(root, "server/dist/main.js")], {
      cwd: tmpdir(),
      env: {
        PATH: process.env.PATH,
        NB_SERVER_STATE_DIR: made.folder,
        NB_SERVER_DATABASE: made.database,
        NB_SERVER_ENCRYPTION_KEY: encryptionKey.toString("base64"),
        NB_SERVER_ADDRESS: "127.0.0.1:0",
        NB_SETUP_PAT_ENABLED: "true",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.once("exit", () => reject(new Error("the server ended before it listened")));
      let output = "";
      child.stdout!.on("data", (chunk) => {
        output += chunk;
        const listening = /"port":(\d+).*"msg":"listening"/.exec(output);
        if (listening) resolve(Number(listening[1]));
      });
    });
    const server = { child, port };
    servers.push(server);
    return server;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  function call(server: Server, method: string, path: string, body?: unknown): Promise<any> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          port: server.port,
          host: "127.0.0.1",
          agent,
          method,
          path: `/api${path}`,
          headers: { authorization: `Token ${token}` },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          response.on("error", reject);
          response.on("end", () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** A cluster to put services on; there is no proxy in this test. */
  async function connectProxy(): Promise<void> {
    await saveProxy(store.db, {
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
    });
  }

  function create(server: Server, n: number) {
    return call(server, "POST", "/reverse-proxies/services", {
      name: `service ${n}`,
      domain: `s${n}.${CLUSTER}`,
      enabled: true,
      public: true,
      targets: ["/", "/a", "/b"].map((path) => directTarget({ path } as never)),
    });
  }

  /** Every service is whole, every write has its revision and its event, and revisions have neither holes nor repeats. */
  async function assertWhole(server: Server, acknowledged: Acknowledged[]): Promise<void> {
    const { body: services } = await call(server, "GET", "/reverse-proxies/services");
    const byId = new Map<string, Acknowledged & { targets: unknown[] }>(
      services.map((service: { id: string }) => [service.id, service]),
    );
    for (const { id, name, meta } of acknowledged) {
      assert.equal(byId.get(id)?.name, name, `${name} was acknowledged and is gone`);
      assert.equal(byId.get(id)?.meta.revision, meta.revision);
    }
    for (const service of byId.values()) assert.equal(service.targets.length, 3, service.name);
    const { db } = store;
    const revisions = await db("revisions").where({ kind: "service" }).orderBy("revision");
    assert.deepEqual(
      new Set(revisions.map((row) => row.object_id)),
      new Set(byId.keys()),
      "revisions and services differ",
    );
    assert.equal(revisions.length, byId.size);
    const events = await db("audit_events").where({ activity_code: "service.create" }).pluck("target_id");
    assert.deepEqual(events.sort(), [...byId.keys()].sort());
    const targets = await db("service_targets").count({ n: "*" }).first();
    assert.equal(Number(targets?.n), 3 * byId.size);
    const all = (await db("revisions").orderBy("revision").pluck("revision")).map(Number);
    assert.deepEqual(
      all,
      Array.from({ length: all.length }, (_, n) => all[0]! + n),
      "the log has holes",
    );
    const counter = await db("revision_counter").first();
    assert.equal(Number(counter.newest), all.at(-1));
  }

  test("every acknowledged write is there, none half-done, after a restart", async () => {
    await connectProxy();
    const [server] = servers;
    const acknowledged: Acknowledged[] = [];
    let failures = 0;
    await Promise.all(
      Array.from({ length: WRITES }, async (_, n) => {
        try {
          const { status, body } = await create(server!, n);
          assert.equal(status, 200, JSON.stringify(body));
          acknowledged.push(body);
          if (acknowledged.length === Math.floor(WRITES / 3)) server!.child.kill("SIGKILL");
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          failures += 1;
        }
      }),
    );
    assert.ok(failures > WRITES / 3, "the server was not killed in the middle");
    const again = await start();
    await connectProxy();
    await assertWhole(again, acknowledged);
    // And it goes on where it was.
    const { status, body } = await create(again, WRITES);
    assert.equal(status, 200, JSON.stringify(body));
    await assertWhole(again, [...acknowledged, body]);
  });

  if (engine === "postgres") {
    test("with two servers, the other one goes on and misses nothing", async () => {
      await connectProxy();
      const [victim] = servers;
      const survivor = await start();
      const acknowledged: Acknowledged[] = [];
      const lost: number[] = [];
      await Promise.all(
        Array.from({ length: WRITES / 2 }, async (_, n) => {
          const server = n % 2 ? survivor : victim!;
          try {
            const { status, body } = await create(server, n);
            assert.equal(status, 200, JSON.stringify(body));
            acknowledged.push(body);
            if (acknowledged.length === Math.floor(WRITES / 6)) victim!.child.kill("SIGKILL");
          } catch (error) {
            if (error instanceof assert.AssertionError || server === survivor) throw error;
            lost.push(n);
          }
        }),
      );
      assert.notEqual(lost.length, 0, "the server was not killed in the middle");
      await assertWhole(survivor, acknowledged);
    });
  }
});
