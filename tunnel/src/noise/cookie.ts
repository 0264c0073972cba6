import type { Key } from "../api.ts";
import { concatBytes, sameSecret, writeUint32LittleEndian } from "../wire/bytes.ts";
import {
  COOKIE_REPLY,
  COOKIE_REPLY_BYTES,
  MAC_BYTES,
  MESSAGE_COOKIE_REPLY,
} from "../wire/wireguard-message.ts";
import { openExtended, sealExtended } from "./aead.ts";
import { hash } from "./kdf.ts";
import { mac } from "./mac.ts";

/** Both the secret behind our cookies and a cookie given to us are good for this long (paper §5.4.7). */
export const COOKIE_LIFETIME_MS = 120_000;
const NONCE_BYTES = 24;
const LABEL_COOKIE = new TextEncoder().encode("cookie--");

/** The key of cookie replies from the owner of `publicKey`. */
export function cookieKeyOf(publicKey: Key): Uint8Array {
  return hash(LABEL_COOKIE, publicKey);
}

/**
 * Proof of address ownership while handshakes arrive faster than we want to compute them (paper §5.3): whoever does not
 * return the cookie for its address and port gets one instead of an answer.
 */
export class CookieGiver {
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #secretBytes = 32;
  #secret: Uint8Array | undefined;
  #secretSinceMs = 0;

  constructor(randomBytes: (length: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  /** True when the message carries the current cookie of its sender as mac2 at `mac2Offset`. */
  accepts(message: Uint8Array, mac2Offset: number, address: string, port: number, nowMs: number): boolean {
    const cookie = this.#cookieOf(address, port, nowMs);
    const expected = mac(cookie, message.subarray(0, mac2Offset));
    return sameSecret(expected, message.subarray(mac2Offset, mac2Offset + MAC_BYTES));
  }

  /** A cookie reply to a message whose sender index and mac1 are given. */
  reply(
    cookieKey: Uint8Array,
    receiverIndex: number,
    mac1: Uint8Array,
    address: string,
    port: number,
    nowMs: number,
  ): Uint8Array {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const message = new Uint8Array(COOKIE_REPLY_BYTES);
    message[0] = MESSAGE_COOKIE_REPLY;
    writeUint32LittleEndian(message, COOKIE_REPLY.receiver, receiverIndex);
    message.set(nonce, COOKIE_REPLY.nonce);
    const cookie = this.#cookieOf(address, port, nowMs);
    message.set(sealExtended(cookieKey, nonce, cookie, mac1), COOKIE_REPLY.sealedCookie);
    return message;
  }

  #cookieOf(address: string, port: number, nowMs: number): Uint8Array {
    if (this.#secret === undefined || nowMs - this.#secretSinceMs >= COOKIE_LIFETIME_MS) {
      this.#secret = this.#randomBytes(this.#secretBytes);
      this.#secretSinceMs = nowMs;
    }
    const source = new TextEncoder().encode(address);
    return mac(this.#secret, concatBytes(source, Uint8Array.of(0, port >>> 8, port & 0xff)));
  }
}

/** Opens a cookie reply to our message with `mac1`. @returns the cookie, undefined when it is not for that message */
export function openCookieReply(
  cookieKey: Uint8Array,
  message: Uint8Array,
  mac1: Uint8Array,
): Uint8Array | undefined {
  const nonce = message.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.nonce + NONCE_BYTES);
  return openExtended(
    cookieKey,
    nonce,
    message.subarray(COOKIE_REPLY.sealedCookie, COOKIE_REPLY_BYTES),
    mac1,
  );
}
