import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Encryption at rest, AES-256-GCM. `purpose` is authenticated with the text: a sealed value fits one kind of column. */
export interface SecretBox {
  seal(text: string, purpose: string): string;
  /** @throws Error when the value was made with another key or purpose, or was changed */
  open(sealed: string, purpose: string): string;
}

const PREFIX = "v1.";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param key 32 bytes */
export function createSecretBox(key: Uint8Array): SecretBox {
  if (key.byteLength !== 32) throw new Error("the encryption key must have 32 bytes");
  return {
    seal(text, purpose) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return PREFIX + Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64");
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed.slice(PREFIX.length), "base64");
      if (!sealed.startsWith(PREFIX) || bytes.byteLength < NONCE_BYTES + TAG_BYTES) {
        throw new Error("not a sealed value");
      }
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
  };
}
