import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { concatBytes } from "../wire/bytes.ts";

/** BLAKE2s-256 over the parts in order. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const hasher = blake2s.create({});
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/**
 * HKDF over HMAC-BLAKE2s as the Noise framework defines it (WireGuard paper §5.4).
 * @returns `count` keys of 32 bytes
 */
export function kdf(count: 1 | 2 | 3, chainingKey: Uint8Array, input: Uint8Array): Uint8Array[] {
  const secret = hmac(blake2s, chainingKey, input);
  const keys: Uint8Array[] = [];
  let previous = new Uint8Array(0);
  for (let i = 1; i <= count; i += 1) {
    previous = hmac(blake2s, secret, concatBytes(previous, Uint8Array.of(i))) as Uint8Array<ArrayBuffer>;
    keys.push(previous);
  }
  return keys;
}
