import { isIP } from "node:net";
import { unmapAddress } from "../access/cidr.ts";

/** An address as a number, so that the networks it is in are found by shifting. */
export type AddressKey =
  | { readonly bits: 32; readonly value: number }
  | { readonly bits: 128; readonly value: bigint };

/** @returns undefined for what is no address; IPv4 inside IPv6 is IPv4 */
export function addressKey(text: string): AddressKey | undefined {
  const address = unmapAddress(text.toLowerCase());
  switch (isIP(address)) {
    case 4:
      return { bits: 32, value: ipv4Value(address) };
    case 6:
      return address.includes("%") ? undefined : ipv6Key(address);
    default:
      return undefined;
  }
}

/** The number of the network of this length that the address is in. @param length at most `bits` */
export function networkOf(key: AddressKey, length: number): number | bigint {
  if (key.bits === 128) return key.value >> BigInt(128 - length);
  // Shifting by 32 would shift by nothing.
  return length === 0 ? 0 : key.value >>> (32 - length);
}

function ipv4Value(address: string): number {
  let value = 0;
  for (const part of address.split(".")) value = value * 256 + Number(part);
  return value;
}

function ipv6Key(address: string): AddressKey {
  // The last 32 bits may be written as IPv4.
  const dotted = address.slice(address.lastIndexOf(":") + 1);
  let text = address;
  if (dotted.includes(".")) {
    const value = ipv4Value(dotted);
    text = `${address.slice(0, -dotted.length)}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
  }
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const hex = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right]
    .map((group) => group.padStart(4, "0"))
    .join("");
  const value = BigInt(`0x${hex}`);
  // ::ffff:0:0/96 in hexadecimal digits.
  if (value >> 32n === 0xffffn) return { bits: 32, value: Number(value & 0xffff_ffffn) };
  return { bits: 128, value };
}
