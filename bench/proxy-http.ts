// Requests per second through the proxy (TLS, tunnel, agent) for a 1 KiB answer, against Debian's Caddy as a plain
// TLS reverse proxy to the same backend. Both run at the same time and are loaded in turns, so that whatever else the
// machine does hits both alike; what counts is the ratio.
//   node --import tsx bench/proxy-http.ts [--rounds 5] [--seconds 3] [--connections 64]
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { waitFor } from "../scripts/stack/child.ts";
import { freePort } from "../scripts/stack/free-port.ts";
import { Stack } from "../test/support/stack.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
  },
});

for (const program of ["wrk", "caddy", "nginx"]) {
  if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) {
    console.error(`${program} is needed: apt-get install --no-install-recommends ${program}`);
    process.exit(1);
  }
}

interface Load {
  requestsPerSecond: number;
  failed: number;
}

function load(port: number, host: string): Load {
  const output = execFileSync(
    "wrk",
    [
      "-t1",
      `-c${options.connections}`,
      `-d${options.seconds}s`,
      "-H",
      `Host: ${host}`,
      `https://127.0.0.1:${port}/`,
    ],
    { encoding: "utf8" },
  );
  const read = /Transfer\/sec:\s+([\d.]+)(KB|MB|GB)/.exec(output)!;
  const bytesPerSecond = Number(read[1]) * { KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[read[2] as "KB"]!;
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)![1]);
  // An answer that is not the body would be fast for the wrong reason.
  if (bytesPerSecond / requestsPerSecond < 1024) throw new Error(`answers are too short:\n${output}`);
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? "0";
  return { requestsPerSecond, failed: Number(failed) };
}

function start(program: string, args: string[]): ChildProcess {
  return spawn(program, args, { stdio: "ignore" });
}

async function listening(port: number): Promise<void> {
  await waitFor(
    `port ${port}`,
    () =>
      new Promise<true | undefined>((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("connect", () => {
          socket.destroy();
          resolve(true);
        });
        socket.once("error", () => resolve(undefined));
      }),
  );
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

const stack = new Stack();
const children: ChildProcess[] = [];
try {
  await stack.start();
  const backendPort = await freePort("tcp");
  const caddyPort = await freePort("tcp");
  const nginxConfig = join(stack.folder, "nginx.conf");
  writeFileSync(
    nginxConfig,
    `daemon off; worker_processes 1; pid ${stack.folder}/nginx.pid; error_log ${stack.folder}/nginx.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000;
  server { listen 127.0.0.1:${backendPort}; location / { return 200 "${"x".repeat(1024)}"; } } }`,
  );
  children.push(start("nginx", ["-p", stack.folder, "-c", nginxConfig]));
  const caddyfile = join(stack.folder, "Caddyfile");
  writeFileSync(
    caddyfile,
    `{\n admin off\n auto_https off\n}\n:${caddyPort} {\n tls ${stack.folder}/tls.crt ${stack.folder}/tls.key\n reverse_proxy 127.0.0.1:${backendPort}\n}\n`,
  );
  children.push(start("caddy", ["run", "--adapter", "caddyfile", "--config", caddyfile]));
  await listening(backendPort);
  await listening(caddyPort);
  const service = await stack.createService({
    name: "bench",
    domain: `bench.${stack.domain}`,
    public: true,
    targets: [stack.peerTarget(backendPort)],
  });
  await stack.waitForState(service.id, "active");

  load(stack.httpsPort, service.domain);
  load(caddyPort, service.domain);
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  for (let round = 1; round <= Number(options.rounds); round++) {
    const proxy = load(stack.httpsPort, service.domain);
    const caddy = load(caddyPort, service.domain);
    if (proxy.failed > 0) throw new Error(`${proxy.failed} requests failed`);
    ours.push(proxy.requestsPerSecond);
    theirs.push(caddy.requestsPerSecond);
    ratios.push(proxy.requestsPerSecond / caddy.requestsPerSecond);
    console.log(
      `round ${round}: proxy through tunnel ${proxy.requestsPerSecond.toFixed(0)}/s, caddy ${caddy.requestsPerSecond.toFixed(0)}/s, ratio ${ratios.at(-1)!.toFixed(2)}`,
    );
  }
  console.log(
    `median: proxy ${median(ours).toFixed(0)}/s, caddy ${median(theirs).toFixed(0)}/s, ratio ${median(ratios).toFixed(2)}`,
  );
} finally {
  for (const child of children) child.kill();
  await stack.stop();
}
