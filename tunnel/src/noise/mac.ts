import { blake2s } from "@noble/hashes/blake2.js";
import type { Key } from "../api.ts";
import { sameSecret } from "../wire/bytes.ts";
import { MAC_BYTES } from "../wire/wireguard-message.ts";
import { hash } from "./kdf.ts";

const LABEL_MAC1 = new TextEncoder().encode("mac1----");

/** Keyed BLAKE2s with 16 bytes of output, which is not HMAC (paper §5.4). */
export function mac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return blake2s(message, { key, dkLen: MAC_BYTES });
}

/** The key of mac1 for messages to the owner of `publicKey`. */
export function mac1KeyOf(publicKey: Key): Uint8Array {
  return hash(LABEL_MAC1, publicKey);
}

/** Checks the mac that lies at `offset` over everything before it. */
export function hasMac(key: Uint8Array, message: Uint8Array, offset: number): boolean {
  return sameSecret(mac(key, message.subarray(0, offset)), message.subarray(offset, offset + MAC_BYTES));
}
