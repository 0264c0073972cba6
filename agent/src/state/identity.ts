import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { keyFromBase64, keyToBase64 } from "@netbird-proxy/tunnel";
import { writeFileAtomically } from "./atomic-write.ts";
import { StateError } from "./state-error.ts";

/** What the server gave us when we joined. */
export interface Membership {
  peerId: string;
  /** Bearer token of AgentService.Sync. */
  token: string;
}

/** Who this agent is. Without a membership the key exists but the server has not been asked yet, or never answered. */
export interface Identity {
  /** 32 bytes. */
  privateKey: Uint8Array;
  membership?: Membership;
}

const fileName = "identity.json";

export function identityPath(stateDir: string): string {
  return join(stateDir, fileName);
}

/**
 * @returns undefined when there is no identity yet
 * @throws {StateError} when there is one that cannot be read: making another one silently would spend a setup key and
 * leave the peer that services point at dead
 */
export function loadIdentity(stateDir: string): Identity | undefined {
  const path = identityPath(stateDir);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
    // Somebody restored it from a backup with wide permissions.
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StateError("cannot read the identity", path, error);
  }
  const identity = parseIdentity(text);
  if (identity === undefined)
    throw new StateError(
      "the identity is damaged:",
      path,
      undefined,
      "Restore the file from a backup, or remove it and start with --setup-key to join as a new peer.",
    );
  return identity;
}

/** @throws {StateError} */
export function saveIdentity(stateDir: string, identity: Identity): void {
  const { privateKey, membership } = identity;
  const content = {
    format: 1,
    private_key: keyToBase64(privateKey),
    ...(membership && { peer_id: membership.peerId, token: membership.token }),
  };
  writeFileAtomically(identityPath(stateDir), `${JSON.stringify(content, null, 2)}\n`);
}

function parseIdentity(text: string): Identity | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof content !== "object" || content === null) return undefined;
  const fields = content as Record<string, unknown>;
  if (fields.format !== 1 || typeof fields.private_key !== "string") return undefined;
  const privateKey = keyFromBase64(fields.private_key);
  if (privateKey === undefined) return undefined;
  if (fields.peer_id === undefined && fields.token === undefined) return { privateKey };
  if (typeof fields.peer_id !== "string" || typeof fields.token !== "string") return undefined;
  if (fields.peer_id === "" || fields.token === "") return undefined;
  return { privateKey, membership: { peerId: fields.peer_id, token: fields.token } };
}
