// What Terraform needs for many services through the built provider, against the built server and one connected proxy:
// create, refresh with an empty plan (and how many API calls it takes), change in place, destroy; and from exec to handshake.
// Of a slow destroy most is Terraform's own: with 1,000 services it computes for 55 s of 75, far more than twice of what it needs
// for half of them, while provider and server together take 18 s and one request per service.
//   npm run build && npx tsx bench/provider-scale.ts [--services 1000] [--starts 20] [--parallelism 10] [--program FILE]
// `--program` measures another build of the provider, such as an executable or the one before a change.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { repository } from "../scripts/stack/programs.ts";
import { CLUSTER, startBenchCluster } from "./bench-cluster.ts";

const PROGRAM = "terraform-provider-netbird_v0.1.0";

const { values: options } = parseArgs({
  options: {
    services: { type: "string", default: "1000" },
    starts: { type: "string", default: "20" },
    program: { type: "string" },
    parallelism: { type: "string", default: "10" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "netbird-provider-bench-"));
const provider = resolve(options.program ?? join(repository, "provider", "dist", PROGRAM));

/** Passes everything on, and counts. */
function countingGateway(target: number): {
  server: ReturnType<typeof createServer>;
  counts: Map<string, number>;
} {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const kind = request.url?.includes("dry_run=true") ? "dry run" : (request.method ?? "");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const { method, url, headers } = request;
    const onward = httpRequest({ host: "127.0.0.1", port: target, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  return { server, counts };
}

function startMs(): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(provider, {
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        PATH: process.env.PATH,
        TF_PLUGIN_MAGIC_COOKIE: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        PLUGIN_PROTOCOL_VERSIONS: "5,6",
        PLUGIN_UNIX_SOCKET_DIR: folder,
      },
    });
    child.once("error", reject);
    child.stdout.once("data", () => {
      resolve(performance.now() - startedAt);
      child.kill("SIGTERM");
    });
  });
}

/** CPU time of a process, and of the children it has waited for, in seconds; zero for one that has ended. */
function cpuOf(pid: number): { own: number; children: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ").map(Number);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { own: (user + system) / 100, children: (childUser + childSystem) / 100 };
  } catch {
    return { own: 0, children: 0 };
  }
}

function terraform(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ seconds: number; output: string; cpu: { own: number; children: number } }> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn("terraform", [...args, "-input=false", "-no-color"], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, CHECKPOINT_DISABLE: "1", ...env },
    });
    let cpu = { own: 0, children: 0 };
    const sampling = setInterval(() => {
      const now = cpuOf(child.pid!);
      if (now.own > 0) cpu = now;
    }, 100);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      clearInterval(sampling);
      if (code === 0) resolve({ seconds: (performance.now() - startedAt) / 1000, output, cpu });
      else reject(new Error(`terraform ${args.join(" ")}: ${output.slice(-3000)}`));
    });
  });
}

const cluster = await startBenchCluster(folder);
const { server, token, api } = cluster;
const gateway = countingGateway(cluster.port);
try {
  const peer = await api.call<{ id: string }>("POST", "/peers", { name: "web" });

  await new Promise<void>((resolve) => gateway.server.listen(0, "127.0.0.1", resolve));
  const through = `http://127.0.0.1:${(gateway.server.address() as AddressInfo).port}`;
  const mirror = join(folder, "mirror");
  const machine = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;
  const place = join(mirror, "registry.terraform.io", "netbirdio", "netbird", "0.1.0", machine);
  mkdirSync(place, { recursive: true });
  copyFileSync(provider, join(place, PROGRAM));
  writeFileSync(
    join(folder, "cli.tfrc"),
    `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`,
  );
  writeFileSync(
    join(folder, "main.tf"),
    `variable "port" {
      default = 3000
    }
    terraform {
      required_providers {
        netbird = { source = "netbirdio/netbird" }
      }
    }
    resource "netbird_proxy_service" "all" {
      count         = ${Number(options.services)}
      name          = "service \${count.index}"
      domain        = "s\${count.index}.${CLUSTER}"
      targets       = { "/" = { target_type = "peer", target_id = "${peer.id}", port = var.port } }
      public        = true
      wait_for_live = false
    }`,
  );
  const env = {
    TF_CLI_CONFIG_FILE: join(folder, "cli.tfrc"),
    NB_MANAGEMENT_URL: through,
    NB_PAT: token,
  };
  await terraform(env, "init");
  const parallelism = `-parallelism=${options.parallelism}`;
  const steps: [string, string[]][] = [
    ["create", ["apply", "-auto-approve", parallelism]],
    ["refresh with empty plan", ["plan", "-detailed-exitcode", parallelism]],
    ["change", ["apply", "-auto-approve", "-var=port=3001", parallelism]],
    // With the same value: a destroy plans what is left of changes first.
    ["destroy", ["destroy", "-auto-approve", "-var=port=3001", parallelism]],
  ];
  const table: Record<string, Record<string, string>> = {};
  for (const [name, args] of steps) {
    gateway.counts.clear();
    const serverBefore = cpuOf(server.pid).own;
    const { seconds, cpu } = await terraform(env, ...args);
    const serverCpu = cpuOf(server.pid).own - serverBefore;
    const calls = [...gateway.counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
    table[name] = {
      seconds: seconds.toFixed(1),
      "terraform's CPU": cpu.own.toFixed(1),
      "provider's CPU": cpu.children.toFixed(1),
      "server's CPU": serverCpu.toFixed(1),
      calls,
    };
  }
  const starts: number[] = [];
  for (let start = 0; start < Number(options.starts); start += 1) starts.push(await startMs());
  starts.sort((a, b) => a - b);
  const median = starts[Math.floor(starts.length / 2)]!;
  table["exec to handshake"] = { seconds: (median / 1000).toFixed(3), calls: "median" };
  // What starting Node alone takes here.
  const bareAt = performance.now();
  for (let start = 0; start < 10; start += 1) spawnSync(process.execPath, ["-e", "0"]);
  table["node alone"] = { seconds: ((performance.now() - bareAt) / 10_000).toFixed(3), calls: "mean" };
  console.log(`${options.services} services`);
  console.table(table);
} finally {
  gateway.server.closeAllConnections();
  gateway.server.close();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
