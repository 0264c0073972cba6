import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Encrypts what leaves the proxy for the cluster's store. `purpose` is authenticated: a bundle fits one name. */
export interface BundleCipher {
  seal(text: string, purpose: string): Buffer;
  /** @throws Error when it was sealed with another secret or for another purpose */
  open(bytes: Uint8Array, purpose: string): string;
}

const PLAIN = 0;
const SEALED = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param secret undefined: nothing is encrypted here, and the server can read it */
export function createBundleCipher(secret: string | undefined): BundleCipher {
  const key =
    secret === undefined
      ? undefined
      : Buffer.from(hkdfSync("sha256", secret, "netbird-proxy", "certificate store", 32));
  return {
    seal(text, purpose) {
      if (key === undefined) return Buffer.concat([Buffer.from([PLAIN]), Buffer.from(text)]);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.from([SEALED]), nonce, body, cipher.getAuthTag()]);
    },
    open(bytes, purpose) {
      const sealed = bytes[0] === SEALED;
      if (sealed !== (key !== undefined)) {
        throw new Error("NB_PROXY_CLUSTER_SECRET is set on some proxies of the cluster and not on others");
      }
      if (key === undefined) return Buffer.from(bytes.subarray(1)).toString("utf8");
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(1, 1 + NONCE_BYTES))
          .setAAD(Buffer.from(purpose))
          .setAuthTag(bytes.subarray(-TAG_BYTES));
        const body = bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
      } catch (cause) {
        throw new Error("NB_PROXY_CLUSTER_SECRET is not the same on every proxy of the cluster", { cause });
      }
    },
  };
}
