import { generateKeyPairSync } from "node:crypto";
import { SESSION_KEY_PURPOSE, type ServiceColumns } from "../store/services.ts";
import type { SecretBox } from "./secret-box.ts";

/** What a service gets that signs its sessions with a new key. */
export function newSessionKey(
  secrets: Pick<SecretBox, "seal">,
  nowMs: number,
): Pick<ServiceColumns, "sessionPublicKey" | "sessionPrivateKey" | "sessionKeyMadeAt"> {
  const { publicKey, privateKey } = newSessionKeyPair();
  return {
    sessionPublicKey: publicKey,
    sessionPrivateKey: secrets.seal(privateKey, SESSION_KEY_PURPOSE),
    sessionKeyMadeAt: nowMs,
  };
}

/** An Ed25519 key pair in the forms of NetBird: public 32 bytes, private seed and public key (64 bytes), standard base64. */
export function newSessionKeyPair(): { publicKey: string; privateKey: string } {
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const seed = Buffer.from(d!, "base64url");
  const publicKey = Buffer.from(x!, "base64url");
  return {
    publicKey: publicKey.toString("base64"),
    privateKey: Buffer.concat([seed, publicKey]).toString("base64"),
  };
}
