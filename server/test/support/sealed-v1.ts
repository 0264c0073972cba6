import { createCipheriv, randomBytes } from "node:crypto";

/** A sealed value as the version wrote it that had a single key and did not name it. */
export function sealedV1(key: Uint8Array, text: string, purpose: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(purpose));
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return `v1.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64")}`;
}
