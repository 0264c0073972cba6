// What the management server (one process, SQLite) takes for many services: list, one write, the snapshot for one proxy,
// a change on its way to 100 connected proxies, memory. The curve over 100, 1,000 and 10,000 services.
//   npx tsx bench/server-scale.ts [--sizes 100,1000,10000] [--proxies 100] [--writes 300] [--heap 256]
// `--heap` is the limit of the server's heap in MB; without one, V8 takes its time to collect and the process grows.
// The proxies run in a process of their own, each with its own connection, and acknowledge like ours.
// On PostgreSQL: node scripts/postgres.mjs npx tsx bench/server-scale.ts
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import { management } from "@netbird-proxy/proto/grpc";
import type { Api } from "../scripts/stack/api.ts";
import { type Child, waitFor } from "../scripts/stack/child.ts";
import { freePort } from "../scripts/stack/free-port.ts";
import { startServer } from "../scripts/stack/programs.ts";
import { openStore } from "../server/src/store/open.ts";
import { makeDatabase } from "../server/test/support/database.ts";
import { setUpServer } from "./bench-cluster.ts";

const CLUSTER = "eu.example.net";
const KEY = Buffer.alloc(32, 1);
const SELF = fileURLToPath(import.meta.url);

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "100,1000,10000" },
    proxies: { type: "string", default: "100" },
    writes: { type: "string", default: "300" },
    heap: { type: "string", default: "" },
  },
});

interface Task {
  port: number;
  token: string;
  count: number;
}

type Report =
  | { kind: "synced"; tookMs: number; id: string }
  | { kind: "seen"; revision: number; atMs: number };

/** In the process of the proxies: tells the parent when each is synchronised and when each sees a revision. */
async function runProxies(): Promise<void> {
  const calls: { cancel(): void }[] = [];
  process.on("message", async ({ port, token, count }: Task) => {
    const from = calls.length;
    for (let n = from; n < from + count; n += 1) await connect(port, token, `proxy-${n}`);
  });
  const send = (report: Report) => process.send!(report);

  function connect(port: number, token: string, proxyId: string): Promise<void> {
    const client = new management.ProxyServiceClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": 256 * 1024 * 1024,
    });
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    const startedAt = performance.now();
    const call = client.syncMappings(metadata);
    calls.push(call);
    return new Promise((resolve) => {
      let synced = false;
      call.on("error", (error) => {
        if (!synced) console.error(proxyId, error.message);
        resolve();
      });
      call.on("data", (message: management.SyncMappingsResponse) => {
        call.write({
          msg: { $case: "ack", value: { appliedRevision: message.revision, rejections: [] } },
        } as management.SyncMappingsRequest);
        if (synced) send({ kind: "seen", revision: Number(message.revision), atMs: Date.now() });
        if (!message.initialSyncComplete || synced) return;
        synced = true;
        send({ kind: "synced", tookMs: performance.now() - startedAt, id: proxyId });
        resolve();
      });
      call.write({
        msg: {
          $case: "init",
          value: {
            proxyId,
            version: "bench",
            startedAt: undefined,
            address: CLUSTER,
            capabilities: {
              supportsCustomPorts: true,
              requireSubdomain: false,
              supportsCrowdsec: false,
              private: false,
              supportsPrivateService: true,
            },
            resume: { epoch: "", revision: 0n },
            publicHttpsPort: 443,
          },
        },
      } as management.SyncMappingsRequest);
    });
  }
}

async function measure(size: number): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "netbird-proxy-bench-"));
  const made = await makeDatabase();
  const port = await freePort("tcp");
  const server = startServer({
    port,
    stateDir: folder,
    logFile: join(folder, "server.log"),
    env: {
      NB_SERVER_DATABASE: made.database,
      NB_SERVER_ENCRYPTION_KEY: KEY.toString("base64"),
      NB_LOG_LEVEL: "warn",
      ...(options.heap === "" ? {} : { NODE_OPTIONS: `--max-old-space-size=${options.heap}` }),
    },
  });
  const proxies = fork(SELF, { execArgv: ["--import", "tsx"] });
  try {
    const url = `http://127.0.0.1:${port}`;
    const { api, token, proxyToken } = await setUpServer(url);
    const all = Number(options.proxies);
    const reports = new Reports(proxies);
    proxies.send({ port, token: proxyToken, count: 1 } satisfies Task);
    await reports.synced(1);
    const service = await fill(api, made.database, size);

    // A proxy that starts anew, with everything there.
    proxies.send({ port, token: proxyToken, count: 1 } satisfies Task);
    const [, snapshotMs] = await reports.synced(2);
    proxies.send({ port, token: proxyToken, count: all - 2 } satisfies Task);
    await reports.synced(all);

    const listMs: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const from = performance.now();
      const response = await fetch(`${url}/api/reverse-proxies/services`, {
        headers: { authorization: `Token ${token}` },
      });
      const { byteLength } = await response.arrayBuffer();
      if (byteLength < size * 200) throw new Error(`the list has only ${byteLength} bytes`);
      listMs.push(performance.now() - from);
    }

    const idleRss = memory(server);
    const writeMs: number[] = [];
    const reachedMs: number[] = [];
    for (let n = 0; n < Number(options.writes); n += 1) {
      const from = performance.now();
      const sentAtMs = Date.now();
      const { meta } = await api.call<{ meta: { revision: number } }>(
        "PUT",
        `/reverse-proxies/services/${service.id}`,
        { ...service, name: `changed ${n}` },
      );
      writeMs.push(performance.now() - from);
      reachedMs.push(...(await reports.seen(meta.revision, all)).map((atMs) => atMs - sentAtMs));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return {
      services: String(size),
      "list, median ms": at(listMs, 0.5).toFixed(0),
      "write p50 / p99 ms": `${at(writeMs, 0.5).toFixed(1)} / ${at(writeMs, 0.99).toFixed(1)}`,
      "snapshot ms": snapshotMs!.toFixed(0),
      [`to ${all} proxies p50 / p99 ms`]: `${at(reachedMs, 0.5).toFixed(0)} / ${at(reachedMs, 0.99).toFixed(0)}`,
      "heap MB": await heap(url),
      "RSS MB (peak)": `${idleRss.now} (${memory(server).peak})`,
    };
  } finally {
    proxies.kill();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    await made.drop();
  }
}

/** What the proxies said. */
class Reports {
  readonly #syncedMs: number[] = [];
  readonly #seen = new Map<number, number[]>();

  constructor(child: ChildProcess) {
    child.on("message", (report: Report) => {
      if (report.kind === "synced") this.#syncedMs.push(report.tookMs);
      else {
        const times = this.#seen.get(report.revision);
        if (times) times.push(report.atMs);
        else this.#seen.set(report.revision, [report.atMs]);
      }
    });
  }

  synced(count: number): Promise<number[]> {
    return waitFor(
      `${count} synchronised proxies`,
      () => (this.#syncedMs.length >= count ? this.#syncedMs : undefined),
      { timeoutMs: 300_000 },
    );
  }

  seen(revision: number, count: number): Promise<number[]> {
    return waitFor(
      `revision ${revision} at ${count} proxies`,
      () => {
        const times = this.#seen.get(revision) ?? [];
        return times.length >= count ? times : undefined;
      },
      { timeoutMs: 60_000, everyMs: 5 },
    );
  }
}

/** 1,000 peers, 100 networks with a resource each, `size` services with two targets. @returns one of them, as to be PUT */
async function fill(
  api: Api,
  database: string,
  size: number,
): Promise<{ id: string; [field: string]: unknown }> {
  const peer = await api.call<{ id: string }>("POST", "/peers", { name: "device-0" });
  const network = await api.call<{ id: string }>("POST", "/networks", { name: "network-0" });
  const resource = await api.call<{ id: string }>("POST", `/networks/${network.id}/resources`, {
    name: "resource-0",
    address: "10.7.0.1",
    groups: [],
    enabled: true,
  });
  const body = {
    name: "service",
    domain: `service.${CLUSTER}`,
    enabled: true,
    public: true,
    targets: [
      { target_id: peer.id, target_type: "peer", protocol: "http", port: 3000, path: "/", enabled: true },
      {
        target_id: resource.id,
        target_type: "host",
        protocol: "http",
        port: 3001,
        path: "/api",
        enabled: true,
      },
    ],
  };
  const { id } = await api.call<{ id: string }>("POST", "/reverse-proxies/services", body);
  // Copies of these rows: making thousands over REST would take longer than measuring them.
  const store = await openStore({ database, encryptionKey: KEY });
  const { db } = store;
  const copy = async (
    table: string,
    key: string,
    value: string,
    count: number,
    change: (n: number) => object,
  ) => {
    const rows = await db(table).where({ [key]: value });
    await db.batchInsert(
      table,
      Array.from({ length: count }, (_, n) => rows.map((row) => ({ ...row, ...change(n + 1) }))).flat(),
      100,
    );
  };
  const copyId = (kind: string, n: number) => `${kind}${String(n).padStart(20 - kind.length, "0")}`;
  await copy("peers", "id", peer.id, 999, (n) => ({
    id: copyId("peer", n),
    name: `device-${n}`,
    dns_label: `device-${n}`,
    public_key: Buffer.from(copyId("key", n).padEnd(32)).toString("base64"),
    ip: `100.127.${n >> 8}.${n & 255}`,
    ipv6: null,
  }));
  await copy("networks", "id", network.id, 99, (n) => ({ id: copyId("net", n), name: `network-${n}` }));
  await copy("network_resources", "id", resource.id, 99, (n) => ({
    id: copyId("res", n),
    network_id: copyId("net", n),
    name: `resource-${n}`,
    address: `10.7.0.${n + 1}/32`,
  }));
  await copy("services", "id", id, size - 1, (n) => ({
    id: copyId("svc", n),
    name: `service-${n}`,
    domain: `service-${n}.${CLUSTER}`,
    domain_key: `service-${n}.${CLUSTER}`,
  }));
  await copy("service_targets", "service_id", id, size - 1, (n) => ({ service_id: copyId("svc", n) }));
  // The copies share one peer and one resource otherwise.
  const [peers, resources] = [await db("peers").pluck("id"), await db("network_resources").pluck("id")];
  for (let n = 0; n < Math.min(size, 1_000); n += 10) {
    await db("service_targets")
      .where({ service_id: copyId("svc", n), position: 0 })
      .update({ target_id: peers[n % peers.length] });
    await db("service_targets")
      .where({ service_id: copyId("svc", n), position: 1 })
      .update({ target_id: resources[n % resources.length] });
  }
  await store.close();
  return { id, ...body };
}

function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Megabytes in use, as the server's metrics say. */
async function heap(url: string): Promise<string> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return (Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(metrics)?.[1]) / 2 ** 20).toFixed(0);
}

/** Megabytes, from the kernel. */
function memory({ pid }: Child): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { now: read("VmRSS"), peak: read("VmHWM") };
}

if (process.send) await runProxies();
else {
  const rows: Record<string, string>[] = [];
  for (const size of options.sizes.split(",").map(Number)) rows.push(await measure(size));
  console.table(rows);
}
