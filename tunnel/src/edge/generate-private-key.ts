import { randomBytes } from "node:crypto";
import type { Key } from "../api.ts";
import { KEY_BYTES, privateKeyFromRandom } from "../noise/keys.ts";

/** A new X25519 private key, clamped as `wg genkey` does it. */
export function generatePrivateKey(): Key {
  return privateKeyFromRandom(randomBytes(KEY_BYTES));
}
