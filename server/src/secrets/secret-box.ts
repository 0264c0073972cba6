import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import type { Keyring, SealingKey } from "./keyring.ts";
import type { SealedPurpose } from "./sealed-columns.ts";

/**
 * Encryption at rest, AES-256-GCM. `purpose` is authenticated with the text: a sealed value fits one column.
 * A sealed value is `v2.<key id>.<base64 of nonce, text, tag>`; before there were several keys, `v1.<base64>`.
 */
export interface SecretBox {
  /** With the current key. */
  seal(text: string, purpose: SealedPurpose): string;
  /**
   * With whichever key the value was sealed with.
   * @throws AppError `key.missing` when that key is not known
   * @throws Error when the value was made for another purpose, or was changed
   */
  open(sealed: string, purpose: SealedPurpose): string;
  /** The id of the key that opens the value; undefined when that cannot be told: no known key opens a `v1` value. */
  keyIdOf(sealed: string, purpose: SealedPurpose): string | undefined;
}

const V1 = "v1.";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What values that are sealed with the key begin with. */
export function sealedPrefix(keyId: string): string {
  return `v2.${keyId}.`;
}

/** The key id that a value names; undefined for `v1`. @throws Error when it is no sealed value */
export function namedKeyId(sealed: string): string | undefined {
  if (sealed.startsWith(V1)) return undefined;
  const [, id] = /^v2\.([0-9a-f]{12})\./.exec(sealed) ?? [];
  if (id === undefined) throw new Error("not a sealed value");
  return id;
}

export function createSecretBox(keyring: Keyring): SecretBox {
  /** @returns the text and the key that opened it */
  function unseal(sealed: string, purpose: string): { text: string; key: SealingKey } {
    const id = namedKeyId(sealed);
    if (id !== undefined) {
      const key = keyring.find(id);
      if (!key) throw missing(`a value is sealed with the key ${id}`, keyring);
      return { text: openWith(key, sealed.slice(sealedPrefix(id).length), purpose), key };
    }
    for (const key of keyring.known()) {
      try {
        return { text: openWith(key, sealed.slice(V1.length), purpose), key };
      } catch {
        // Another one may fit.
      }
    }
    throw missing("a value of an earlier version is sealed with another key", keyring);
  }

  return {
    seal(text, purpose) {
      const key = keyring.current();
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return sealedPrefix(key.id) + Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64");
    },
    open: (sealed, purpose) => unseal(sealed, purpose).text,
    keyIdOf(sealed, purpose) {
      const id = namedKeyId(sealed);
      if (id !== undefined) return id;
      try {
        return unseal(sealed, purpose).key.id;
      } catch {
        return undefined;
      }
    },
  };
}

function openWith(key: SealingKey, base64: string, purpose: string): string {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.byteLength < NONCE_BYTES + TAG_BYTES) throw new Error("not a sealed value");
  const decipher = createDecipheriv("aes-256-gcm", key.bytes, bytes.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(purpose))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
  return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
}

function missing(what: string, keyring: Keyring): AppError {
  const known = keyring
    .known()
    .map(({ id }) => id)
    .join(", ");
  return new AppError("key.missing", `${what}, but ${keyring.where} has only ${known}`);
}
