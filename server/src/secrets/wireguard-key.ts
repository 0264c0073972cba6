import { generateKeyPairSync } from "node:crypto";

/** An X25519 key pair as WireGuard writes it: standard base64, 44 characters. */
export function newWireguardKeyPair(): { publicKey: string; privateKey: string } {
  const { d, x } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  return {
    publicKey: Buffer.from(x!, "base64url").toString("base64"),
    privateKey: Buffer.from(d!, "base64url").toString("base64"),
  };
}

/** True for the standard base64 of 32 bytes that are not all zero. */
export function isWireguardKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return bytes.byteLength === 32 && bytes.toString("base64") === text && bytes.some((byte) => byte !== 0);
}
