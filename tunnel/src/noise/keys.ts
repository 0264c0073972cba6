import sodium from "sodium-native";
import type { Key } from "../api.ts";

export const KEY_BYTES = 32;

/** Clamps 32 random bytes to an X25519 private key (RFC 7748 §5), as `wg genkey` prints them. */
export function privateKeyFromRandom(random: Uint8Array): Key {
  const key = Uint8Array.from(random);
  key[0]! &= 248;
  key[31] = (key[31]! & 127) | 64;
  return key;
}

/** @throws {TypeError} unless `privateKey` has 32 bytes */
export function publicKeyOf(privateKey: Key): Key {
  if (privateKey.length !== KEY_BYTES) throw new TypeError("a WireGuard key has 32 bytes");
  const publicKey = new Uint8Array(KEY_BYTES);
  sodium.crypto_scalarmult_base(publicKey, privateKey);
  return publicKey;
}

/** X25519. @returns undefined when the result is all zero, which a hostile public key can force (paper §5.4) */
export function sharedSecret(privateKey: Key, publicKey: Key): Uint8Array | undefined {
  const secret = new Uint8Array(KEY_BYTES);
  try {
    sodium.crypto_scalarmult(secret, privateKey, publicKey);
    return secret;
  } catch {
    return undefined;
  }
}

/** The 44-character text form that `wg` reads and prints. */
export function keyToBase64(key: Key): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("base64");
}

/** @returns undefined unless `text` is exactly 32 bytes in padded base64 */
export function keyFromBase64(text: string): Key | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const key = Uint8Array.from(Buffer.from(text, "base64"));
  // The last character carries two unused bits; a second spelling of the same key is refused as `wg` does.
  return key.length === KEY_BYTES && keyToBase64(key) === text ? key : undefined;
}
