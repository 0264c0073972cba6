// What a flood of wrong PINs at one service does to another: latency of the other service with nobody guessing and with
// 10,000 wrong PINs from 50 addresses, and how many of them were looked at (each costs the server a slow hash). The proxy
// is here; server, visitors and those who guess are in processes of their own, so that what is measured is not the load that
// guessing puts on the one who measures.
//   npx tsx bench/sign-in-flood.ts [--attempts 10000] [--rate 200]
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startBackend } from "../proxy/test/support/backend.ts";
import { http2Get, http2Session } from "../proxy/test/support/client.ts";
import { testAuthority } from "../proxy/test/support/proxy.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  startControlPlane,
} from "../server/test/support/control-plane.ts";
import { Cluster } from "../test/support/cluster.ts";

const { values: options } = parseArgs({
  options: {
    attempts: { type: "string", default: "10000" },
    rate: { type: "string", default: "200" },
    // Of the other processes.
    visitors: { type: "string" },
    guessers: { type: "string" },
    server: { type: "string" },
  },
});
const attempts = Number(options.attempts);
const rate = Number(options.rate);
const LOOKS_PER_SECOND = 100;

interface Visit {
  port: number;
  ca: string;
}
/** How many guesses had each status. */
type Statuses = [number, number][];

if (options.server !== undefined) await manage(Number(options.server));
else if (options.visitors !== undefined) await visit(JSON.parse(options.visitors) as Visit);
else if (options.guessers !== undefined) await guess(JSON.parse(options.guessers) as Visit);
else await serve();

interface Managed {
  target: string;
  token: string;
}

function start<T>(role: string, argument: string): { child: ChildProcess; first: Promise<T> } {
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), role, argument]);
  return { child, first: next<T>(child) };
}

function next<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`a process ended with ${code}`)));
  });
}

async function manage(backendPort: number): Promise<void> {
  const plane = await startControlPlane();
  process.once("disconnect", () => void plane.close().then(() => process.exit()));
  process.send!({ target: plane.target, token: await plane.token() } satisfies Managed);
  const targets = [directTarget({ port: backendPort })];
  const auth = { pin_auth: { enabled: true, pin: "123456" } };
  for (const [name, change] of [
    ["wiki", { targets }],
    ["shop", { targets, public: undefined, auth }],
  ] as const) {
    // Refused until the proxy is there.
    while (!(await plane.service(name, change).catch(() => undefined)))
      await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function serve(): Promise<void> {
  const backend = await startBackend((_request, response) => response.end("inside"));
  const server = start<Managed>("--server", String(backend.port));
  const { target, token } = await server.first;
  const plane = { target, token: async () => token } as ControlPlane;
  const cluster = await new Cluster(plane).start(1, { NB_LOG_LEVEL: "warn" });
  await cluster.signIn(cluster.proxies[0]!, "shop", "pin=123456");
  const where: Visit = { port: cluster.proxies[0]!.port, ca: (await testAuthority()).certificate };
  const visitors = start<number[]>("--visitors", JSON.stringify(where));
  const idle = await visitors.first;
  const guessers = start<Statuses>("--guessers", JSON.stringify(where));
  visitors.child.send("again");
  const [flooded, statuses] = await Promise.all([next<number[]>(visitors.child), guessers.first]);
  const counts = new Map(statuses);
  const quantile = (of: number[], q: number) => of.sort((a, b) => a - b)[Math.floor(of.length * q)]!;
  console.table(
    [0.5, 0.99].map((q) => ({
      quantile: q,
      "idle ms": quantile(idle, q).toFixed(2),
      "flooded ms": quantile(flooded, q).toFixed(2),
      ratio: (quantile(flooded, q) / quantile(idle, q)).toFixed(2),
    })),
  );
  console.table([{ attempts, "per second": rate, "looked at": counts.get(401), refused: counts.get(429) }]);
  await cluster.close();
  server.child.disconnect();
  backend.close();
}

async function visit({ port, ca }: Visit): Promise<void> {
  const wiki = await http2Session(port, ca, `wiki.${CLUSTER}`);
  const look = async (into: number[]) => {
    const startedMs = performance.now();
    const { status } = await http2Get(wiki);
    if (status !== 200) throw new Error(`the other service answers ${status}`);
    into.push(performance.now() - startedMs);
  };
  await atRate(LOOKS_PER_SECOND, 500, () => look([]));
  for (const again of [true, false]) {
    const taken: number[] = [];
    await atRate(LOOKS_PER_SECOND, (LOOKS_PER_SECOND * attempts) / rate, () => look(taken));
    const told = again ? once(process, "message") : undefined;
    process.send!(taken);
    await told;
  }
  wiki.close();
  process.disconnect();
}

async function guess({ port, ca }: Visit): Promise<void> {
  const shop = await http2Session(port, ca, `shop.${CLUSTER}`);
  const statuses = new Map<number, number>();
  await atRate(rate, attempts, async (n) => {
    const { status } = await http2Get(
      shop,
      {
        ":method": "POST",
        "content-type": "application/x-www-form-urlencoded",
        "x-forwarded-for": `203.0.113.${n % 50}`,
      },
      `pin=${String(n % 100_000).padStart(6, "0")}`,
    );
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  shop.close();
  process.send!([...statuses] satisfies Statuses, () => process.disconnect());
}

/** Starts work at its time, whether the one before has ended or not. */
async function atRate(perSecond: number, count: number, work: (n: number) => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  const all: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    const waitMs = startedMs + (n * 1000) / perSecond - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    all.push(work(n));
  }
  await Promise.all(all);
}
