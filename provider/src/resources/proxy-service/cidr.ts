import { isIP } from "node:net";
import type { Validator } from "../../framework/validators.ts";

/** A network in CIDR notation whose host bits are zero, as the server demands. */
export const cidr: Validator = (value, at, diagnostics) => {
  if (typeof value !== "string") return;
  const problem = cidrProblem(value);
  if (problem !== undefined) diagnostics.error(at, "Not a network", `"${value}" ${problem}.`);
};

function cidrProblem(text: string): string | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || length === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length))
    return "is not a network in CIDR notation, such as 192.0.2.0/24";
  const bits = family === 4 ? 32 : 128;
  const prefix = Number(length);
  if (prefix > bits) return `has a prefix longer than ${bits} bits`;
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  if ((addressBits(address, family) & hostMask) !== 0n) return "has bits set behind the prefix; clear them";
  return undefined;
}

function addressBits(address: string, family: number): bigint {
  if (family === 4) return address.split(".").reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
  // An IPv4 tail is two groups; `::` stands for as many zero groups as are missing.
  const withGroups = address.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes(".")) return tail;
    const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = withGroups.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** The same network: `2001:db8:0::/48` and `2001:DB8::/48`, whatever stands behind the prefix. */
export function sameCidr(a: string, b: string): boolean {
  const left = network(a);
  return left !== undefined && left === network(b);
}

function network(text: string): string | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || length === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const hostBits = BigInt(Math.max(0, (family === 4 ? 32 : 128) - Number(length)));
  return `${family} ${(addressBits(address, family) >> hostBits).toString(16)}/${Number(length)}`;
}
