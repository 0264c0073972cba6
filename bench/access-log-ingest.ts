// Access log entries per second that a server takes from one proxy over gRPC (SQLite), and what a write over REST costs
// meanwhile, against the same write with nothing else going on.
//   npx tsx bench/access-log-ingest.ts [--seconds 10] [--rate 5000]
// `--rate 0` sends as fast as the server takes them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import { control, management } from "@netbird-proxy/proto/grpc";
import { Api } from "../scripts/stack/api.ts";
import { waitFor } from "../scripts/stack/child.ts";
import { freePort } from "../scripts/stack/free-port.ts";
import { startServer } from "../scripts/stack/programs.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "5000" },
  },
});
const seconds = Number(options.seconds);
const rate = Number(options.rate);
const BATCH = 500;

const folder = mkdtempSync(join(tmpdir(), "netbird-proxy-bench-"));
const port = await freePort("tcp");
const server = startServer({ port, stateDir: folder, logFile: join(folder, "server.log") });
try {
  const anonymous = new Api(`http://127.0.0.1:${port}`);
  await waitFor("the server", () => anonymous.call("GET", "/instance"));
  const { personal_access_token: token } = await anonymous.call<{ personal_access_token: string }>(
    "POST",
    "/setup",
    { email: "a@example.com", name: "A", password: "correct horse", create_pat: true },
  );
  const api = new Api(`http://127.0.0.1:${port}`, token);
  const { plain_token: proxyToken } = await api.call<{ plain_token: string }>(
    "POST",
    "/reverse-proxies/proxy-tokens",
    { name: "bench" },
  );
  const [account] = await api.call<{ id: string }[]>("GET", "/accounts");
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${proxyToken}`);
  const client = new control.ProxyControlClient(`127.0.0.1:${port}`, credentials.createInsecure());

  const idle = await writes(api, seconds / 2);
  const startedAt = performance.now();
  let sent = 0;
  let refused = 0;
  let over = false;
  const sending = (async () => {
    for (let n = 0; performance.now() - startedAt < seconds * 1000; n += 1) {
      const dueMs = rate === 0 ? 0 : (n * BATCH * 1000) / rate;
      const waitMs = startedAt + dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const logs = Array.from({ length: BATCH }, (_, at) => entry(account!.id, n * BATCH + at));
      await new Promise<void>((resolve) =>
        client.sendAccessLogs({ logs }, metadata, (error) => {
          if (error) refused += BATCH;
          else sent += BATCH;
          resolve();
        }),
      );
    }
    over = true;
  })();
  const busy = await writes(api, seconds - 1);
  await sending;
  const tookMs = performance.now() - startedAt;
  const { total_records: stored } = await api.call<{ total_records: number }>(
    "GET",
    "/events/proxy?page_size=1",
  );
  console.log(
    `stored ${stored} of ${sent} entries in ${(tookMs / 1000).toFixed(1)} s: ${((sent / tookMs) * 1000).toFixed(0)}/s, ${refused} refused${over ? "" : " (not over)"}`,
  );
  console.log(`a write over REST: idle ${line(idle)}; while logs come in ${line(busy)}`);
  console.log(`median ratio ${(at(busy, 0.5) / at(idle, 0.5)).toFixed(2)}`);
  client.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Twenty writes a second. @returns milliseconds of each, sorted */
async function writes(api: Api, forSeconds: number): Promise<number[]> {
  const took: number[] = [];
  const until = performance.now() + forSeconds * 1000;
  while (performance.now() < until) {
    const from = performance.now();
    await api.call("POST", "/groups", { name: `${from}` });
    took.push(performance.now() - from);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return took.sort((a, b) => a - b);
}

function at(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function line(sorted: number[]): string {
  return `median ${at(sorted, 0.5).toFixed(1)} ms, p99 ${at(sorted, 0.99).toFixed(1)} ms`;
}

function entry(accountId: string, n: number): management.AccessLog {
  return management.AccessLog.fromPartial({
    logId: `log-${n}`,
    accountId,
    serviceId: "d2k0service000000000",
    timestamp: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
    host: `shop-${n % 50}.example.com`,
    path: `/articles/${n % 997}?page=${n % 10}`,
    method: "GET",
    responseCode: n % 20 === 0 ? 404 : 200,
    durationMs: 12n,
    sourceIp: `193.0.${n % 256}.${(n >> 8) % 256}`,
    authMechanism: "none",
    authSuccess: true,
    bytesDownload: 2048n,
    protocol: "http",
  });
}
