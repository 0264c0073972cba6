// How soon visitors get a static certificate that was replaced, and whether any handshake fails: new TLS handshakes at a
// steady rate from a process of their own, against a real proxy.
//   npx tsx bench/certificate-swap.ts [--rate 500] [--swaps 10]
import { X509Certificate } from "node:crypto";
import { parseArgs } from "node:util";
import { startBackend } from "../proxy/test/support/backend.ts";
import { HandshakeLoad } from "../proxy/test/support/handshake-load.ts";
import { until } from "../proxy/test/support/management-server.ts";
import { httpService } from "../proxy/test/support/mappings.ts";
import { startTestProxy, testAuthority } from "../proxy/test/support/proxy.ts";
import { issueCertificate } from "../scripts/stack/local-ca.ts";

const HOST = "app.example.test";
const { values: options } = parseArgs({
  options: { rate: { type: "string", default: "500" }, swaps: { type: "string", default: "10" } },
});

const backend = await startBackend();
const proxy = await startTestProxy({ NB_LOG_LEVEL: "warn" });
await proxy.management.apply(httpService("a", HOST, backend.url));
const ca = await testAuthority();
const load = new HandshakeLoad({
  port: proxy.port,
  servername: HOST,
  ca: ca.certificate,
  perSecond: Number(options.rate),
});
await until(() => load.firstSeenMs.size === 1);
const startedMs = Date.now();
const tookMs: number[] = [];
for (let n = 0; n < Number(options.swaps); n += 1) {
  const pair = await issueCertificate(ca, [HOST]);
  await proxy.writeCertificate(pair);
  const writtenMs = Date.now();
  const { serialNumber } = new X509Certificate(pair.certificate);
  await until(() => load.firstSeenMs.has(serialNumber));
  tookMs.push(load.firstSeenMs.get(serialNumber)! - writtenMs);
  await new Promise((resolve) => setTimeout(resolve, 500));
}
const seconds = (Date.now() - startedMs) / 1000;
await load.stop();
await proxy.close();
backend.close();
console.table([
  {
    "handshakes/s": (load.succeeded / seconds).toFixed(0),
    handshakes: load.succeeded,
    failed: load.failed.length,
    swaps: tookMs.length,
    "new serial after ms, median / slowest": `${tookMs.sort((a, b) => a - b)[tookMs.length >> 1]} / ${Math.max(...tookMs)}`,
  },
]);
