// Looking an address up among many CrowdSec decisions, against Node's own list of ranges (net.BlockList) with the same
// entries, and the memory that they take.
//   node --expose-gc --import tsx bench/crowdsec-lookup.ts [--decisions 50000]
import { BlockList, isIP } from "node:net";
import { parseArgs } from "node:util";
import { DecisionIndex } from "../proxy/src/reputation/decision-index.ts";

const { values: options } = parseArgs({ options: { decisions: { type: "string", default: "50000" } } });
const count = Number(options.decisions);

// Four in five are single IPv4 addresses, the rest IPv4 and IPv6 ranges, as in the community's lists.
const values = Array.from({ length: count }, (_, i) => {
  const host = `${1 + (i % 223)}.${(i >> 16) & 255}.${(i >> 8) & 255}.${(i * 7) & 255}`;
  if (i % 10 === 0) return `2001:${(i & 0xffff).toString(16)}::/${32 + (i % 32)}`;
  return i % 10 === 5 ? `${host}/24` : host;
});
const asked = Array.from({ length: 1000 }, (_, i) =>
  i % 5 === 0
    ? `2a02:${i.toString(16)}::${i.toString(16)}`
    : `${1 + ((i * 13) % 223)}.${i % 256}.7.${(i * 3) % 256}`,
);

const heapMiB = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 / 1024;
};
const before = heapMiB();
const index = new DecisionIndex();
const expiresAtMs = Date.now() + 3_600_000;
const builtMs = time(() => {
  for (const [id, value] of values.entries())
    index.add({ id, type: "ban", scope: "range", value, expiresAtMs });
});
const usedMiB = heapMiB() - before;

const list = new BlockList();
const familyOf = (address: string) => (isIP(address) === 4 ? "ipv4" : "ipv6");
const listBuiltMs = time(() => {
  for (const value of values) {
    const [address = "", length] = value.split("/");
    if (length === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(length), familyOf(address));
  }
});

const nowMs = Date.now();
const ours = perLookUp(200, (address) => index.find(address, nowMs, undefined) !== undefined);
const nodes = perLookUp(1, (address) => list.check(address, familyOf(address)));
console.log(
  `${count} decisions: built in ${builtMs.toFixed(0)} ms, ${usedMiB.toFixed(1)} MiB (${index.size} kept)`,
);
console.log(`net.BlockList: built in ${listBuiltMs.toFixed(0)} ms`);
console.log(
  `look-up: ${ours.toFixed(2)} us, net.BlockList ${nodes.toFixed(2)} us, ratio ${(nodes / ours).toFixed(0)}`,
);

function time(work: () => void): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

/** Microseconds. */
function perLookUp(rounds: number, find: (address: string) => boolean): number {
  let found = 0;
  const ms = time(() => {
    for (let round = 0; round < rounds; round++) for (const address of asked) if (find(address)) found += 1;
  });
  console.log(`${found / rounds} of ${asked.length} addresses are in the list`);
  return (ms * 1000) / (rounds * asked.length);
}
