import { isIP } from "node:net";
import { parseCidr } from "../access/cidr.ts";

/** Finds the entry with the longest prefix that covers an address. A few hundred prefixes, asked once per connection. */
export class PrefixTable<T> {
  readonly #byLength = new Map<string, Map<bigint, T>>();
  /** Longest first. */
  #lengths: { family: 4 | 6; length: number; key: string }[] = [];

  set(prefix: string, value: T): void {
    const cidr = parseCidr(prefix);
    if (cidr === undefined) return;
    const family = cidr.family === "ipv4" ? 4 : 6;
    const key = `${family}/${cidr.prefixLength}`;
    let entries = this.#byLength.get(key);
    if (entries === undefined) {
      entries = new Map();
      this.#byLength.set(key, entries);
      this.#lengths.push({ family, length: cidr.prefixLength, key });
      this.#lengths.sort((a, b) => b.length - a.length);
    }
    entries.set(network(toBits(cidr.address, family), family, cidr.prefixLength), value);
  }

  get(address: string): T | undefined {
    const family = isIP(address);
    if (family !== 4 && family !== 6) return undefined;
    const bits = toBits(address, family);
    for (const { family: entryFamily, length, key } of this.#lengths) {
      if (entryFamily !== family) continue;
      const found = this.#byLength.get(key)!.get(network(bits, family, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function network(bits: bigint, family: 4 | 6, length: number): bigint {
  const drop = BigInt((family === 4 ? 32 : 128) - length);
  return (bits >> drop) << drop;
}

/** @param address valid text of that family */
function toBits(address: string, family: 4 | 6): bigint {
  if (family === 4) return address.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    v4 === null
      ? address
      : `${v4[1]}${((Number(v4[2]) << 8) | Number(v4[3])).toString(16)}:${((Number(v4[4]) << 8) | Number(v4[5])).toString(16)}`;
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
