import { hkdfSync } from "node:crypto";
import { SESSION_KEY_PURPOSE, type StoredService } from "../store/services.ts";
import type { SecretBox } from "./secret-box.ts";

/**
 * The key with which proxies sign who a visitor is, for the targets of a service. It is derived from the key that signs
 * sessions, which proxies never get: a proxy can say who is there, and cannot make sessions.
 *
 * @returns the seed of an Ed25519 key, 32 bytes; empty when the service does not want such tokens
 */
export function identityKeyOf(
  service: Pick<StoredService, "auth" | "sessionPrivateKey">,
  secrets: Pick<SecretBox, "open">,
): Uint8Array {
  if (!service.auth.identityToken || service.sessionPrivateKey === "") return new Uint8Array();
  const sessionKey = Buffer.from(secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE), "base64");
  return new Uint8Array(hkdfSync("sha256", sessionKey.subarray(0, 32), "", "netbird identity token 1", 32));
}
