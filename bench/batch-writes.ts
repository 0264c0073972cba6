// Whether a client that has ten writes under way at a time gains from putting them together into POST /batch: what
// 400 services cost the server (one process, SQLite, one connected proxy) when each is written by a request of its own, and
// when whatever gathers while one batch is under way goes into the next. Both in turn, in pairs; ratios are batch to single.
//   npm run build && npx tsx bench/batch-writes.ts [--services 400] [--pairs 3] [--parallelism 10]
// This is the best case for batches: here a writer has its next write ready at once, Terraform computes in between.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Api } from "../scripts/stack/api.ts";
import { CLUSTER, startBenchCluster } from "./bench-cluster.ts";

const SERVICES = "/reverse-proxies/services";

const { values: options } = parseArgs({
  options: {
    services: { type: "string", default: "400" },
    pairs: { type: "string", default: "3" },
    parallelism: { type: "string", default: "10" },
  },
});
const count = Number(options.services);

interface Write {
  readonly method: "POST" | "DELETE";
  /** Below `/api`. */
  readonly path: string;
  readonly body?: object;
}

type Send = (write: Write) => Promise<unknown>;

/** A batch is sent as soon as none is under way, with everything that has gathered. */
function gatherIntoBatches(api: Api, query: string): { send: Send; requests: () => number } {
  let requests = 0;
  let gathered: { write: Write; done: (body: unknown) => void; failed: (error: unknown) => void }[] = [];
  let underWay = false;
  const flush = async () => {
    while (gathered.length > 0) {
      const batch = gathered;
      gathered = [];
      requests += 1;
      try {
        const operations = batch.map(({ write }) => ({ ...write, path: `/api${write.path}` }));
        const { results } = await api.call<{ results: { body: unknown }[] }>("POST", `/batch${query}`, {
          operations,
        });
        for (const [index, { done }] of batch.entries()) done(results[index]!.body);
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    underWay = false;
  };
  const send: Send = (write) =>
    new Promise((done, failed) => {
      gathered.push({ write, done, failed });
      if (underWay) return;
      underWay = true;
      void flush();
    });
  return { send, requests: () => requests };
}

function oneByOne(api: Api, query: string): { send: Send; requests: () => number } {
  let requests = 0;
  return {
    send: ({ method, path, body }) => {
      requests += 1;
      return api.call(method, `${path}${query}`, body);
    },
    requests: () => requests,
  };
}

async function inParallel(writes: readonly Write[], send: Send): Promise<unknown[]> {
  const answers: unknown[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < writes.length; index = next++)
      answers[index] = await send(writes[index]!);
  };
  await Promise.all(Array.from({ length: Number(options.parallelism) }, worker));
  return answers;
}

/** CPU time of a process so far, in seconds. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ").map(Number);
  return ((fields[11] ?? 0) + (fields[12] ?? 0)) / 100;
}

interface Cost {
  seconds: number;
  serverCpu: number;
  requests: number;
}

const folder = mkdtempSync(join(tmpdir(), "netbird-batch-bench-"));
const cluster = await startBenchCluster(folder);
const { server, api } = cluster;
try {
  const peer = await api.call<{ id: string }>("POST", "/peers", { name: "web" });
  const creations: Write[] = Array.from({ length: count }, (_, n) => ({
    method: "POST",
    path: SERVICES,
    body: {
      name: `service ${n}`,
      domain: `s${n}.${CLUSTER}`,
      enabled: true,
      public: true,
      targets: [
        { target_type: "peer", target_id: peer.id, protocol: "http", port: 3000, path: "/", enabled: true },
      ],
    },
  }));

  const costs = new Map<string, Cost[]>();
  const measure = async (name: string, way: typeof oneByOne, query: string, writes: readonly Write[]) => {
    const { send, requests } = way(api, query);
    const cpuBefore = cpuOf(server.pid);
    const startedAt = performance.now();
    const answers = await inParallel(writes, send);
    const cost = { seconds: (performance.now() - startedAt) / 1000, serverCpu: 0, requests: requests() };
    cost.serverCpu = cpuOf(server.pid) - cpuBefore;
    costs.set(name, [...(costs.get(name) ?? []), cost]);
    return answers as { id: string }[];
  };
  const round = async (label: string, way: typeof oneByOne) => {
    await measure(`dry run, ${label}`, way, "?dry_run=true", creations);
    const created = await measure(`create, ${label}`, way, "", creations);
    const deletions = created.map(({ id }): Write => ({ method: "DELETE", path: `${SERVICES}/${id}` }));
    await measure(`delete, ${label}`, way, "", deletions);
  };

  // Whoever comes first in a pair finds the server colder; so once round unmeasured, then in turns.
  await round("single", oneByOne);
  costs.clear();
  for (let n = 0; n < Number(options.pairs); n += 1) {
    const ways = [() => round("single", oneByOne), () => round("batch", gatherIntoBatches)];
    for (const run of n % 2 === 0 ? ways : ways.reverse()) await run();
  }

  const mean = (name: string, of: (cost: Cost) => number) => {
    const all = costs.get(name)!.map(of);
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  };
  const table: Record<string, Record<string, string>> = {};
  for (const kind of ["dry run", "create", "delete"]) {
    const row: Record<string, string> = {};
    const figures: [string, (cost: Cost) => number][] = [
      ["seconds", ({ seconds }) => seconds],
      ["server's CPU", ({ serverCpu }) => serverCpu],
      ["requests", ({ requests }) => requests],
    ];
    for (const [figure, of] of figures) {
      const [single, batch] = [mean(`${kind}, single`, of), mean(`${kind}, batch`, of)];
      row[figure] = `${single.toFixed(2)} -> ${batch.toFixed(2)}`;
      row[`${figure}, ratio`] = (batch / single).toFixed(2);
    }
    table[kind] = row;
  }
  console.log(`${count} services, ${options.parallelism} at a time, mean of ${options.pairs} pairs`);
  console.table(table);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
