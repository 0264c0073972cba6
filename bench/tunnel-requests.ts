/**
 * Small HTTP answers per second over keep-alive connections, with undici: through our tunnel, and through kernel sockets
 * over wireguard-go. The far side is the same: a server that answers every request with one small segment.
 *
 *   npx tsx bench/tunnel-requests.ts [--seconds 4] [--rounds 3] [--connections 64] [--profile FOLDER]
 */
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { createDirectDialer, type Dialer } from "@netbird-proxy/tunnel";
import { Pool } from "undici";
import { BenchWorld, FAR_OVERLAY, median, openNearTunnel, option } from "./tunnel-world.ts";

const SELF = fileURLToPath(import.meta.url);
const PORT = 8080;
const seconds = Number(option("seconds", "4"));
const rounds = Number(option("rounds", "3"));
const connections = Number(option("connections", "64"));
const BODY = "x".repeat(200);
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

interface Outcome {
  requestsPerSecond: number;
  cpuMicrosecondsPerRequest: number;
}

if (process.argv.includes("--serve")) serve();
else if (process.argv.includes("--near")) await runNear();
else await compare();

/** In the far namespace: no HTTP parser, a request ends with an empty line. */
function serve(): void {
  createServer({ noDelay: true }, (socket) => {
    let tail = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      const text = tail + bytes.toString("latin1");
      const requests = text.split("\r\n\r\n");
      tail = requests.pop()!;
      if (requests.length > 0) socket.write(ANSWER.repeat(requests.length));
    });
  }).listen(PORT);
}

async function runNear(): Promise<void> {
  const near = process.argv.includes("--direct") ? undefined : await openNearTunnel();
  const outcome = await load(near?.device ?? createDirectDialer());
  console.log(JSON.stringify(outcome));
  await near?.tunnel.close();
  process.exit(0);
}

async function load(dialer: Dialer): Promise<Outcome> {
  const pool = new Pool(`http://${FAR_OVERLAY}:${PORT}`, {
    connections,
    connect: (options, callback) => {
      dialer.dialTcp({ host: options.hostname, port: Number(options.port) }).then(
        (socket) => callback(null, socket as never),
        (error) => callback(error as Error, null),
      );
    },
  });
  let done = 0;
  let counting = false;
  let running = true;
  const worker = async () => {
    while (running) {
      const { body } = await pool.request({ path: "/", method: "GET" });
      await body.dump();
      if (counting) done += 1;
    }
  };
  const workers = Array.from({ length: connections }, worker);
  // Connections and compiled code first.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  counting = true;
  const startMs = performance.now();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const cpu = process.cpuUsage(before);
  const elapsed = (performance.now() - startMs) / 1000;
  running = false;
  await Promise.allSettled(workers);
  await pool.destroy();
  return { requestsPerSecond: done / elapsed, cpuMicrosecondsPerRequest: (cpu.user + cpu.system) / done };
}

async function compare(): Promise<void> {
  const world = new BenchWorld();
  try {
    await world.up();
    world.start(world.far, process.execPath, "--import", import.meta.resolve("tsx"), SELF, "--serve");
    const common = ["--near", "--seconds", String(seconds), "--connections", String(connections)];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const ours: number[] = [];
    const theirs: number[] = [];
    const show = ({ requestsPerSecond, cpuMicrosecondsPerRequest }: Outcome) =>
      `${requestsPerSecond.toFixed(0)}/s (${cpuMicrosecondsPerRequest.toFixed(0)} us CPU each)`;
    for (let round = 1; round <= rounds; round += 1) {
      const kernel = (await world.withNearWireguardGo(() =>
        world.runNear(SELF, [...common, "--direct"]),
      )) as Outcome;
      const tunnel = (await world.runNear(SELF, [...common, ...world.tunnelArguments()])) as Outcome;
      theirs.push(kernel.requestsPerSecond);
      ours.push(tunnel.requestsPerSecond);
      console.log(`round ${round}: kernel sockets over wireguard-go ${show(kernel)}, ours ${show(tunnel)}`);
    }
    const ratio = median(ours.map((rate, round) => rate / theirs[round]!));
    console.log(`requests: median ratio of the rounds ${ratio.toFixed(2)}`);
  } finally {
    await world.down();
  }
}
