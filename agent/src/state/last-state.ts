import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { agent } from "@netbird-proxy/proto/grpc";
import { writeFileAtomically } from "./atomic-write.ts";

const fileName = "last-state.json";

export function lastStatePath(stateDir: string): string {
  return join(stateDir, fileName);
}

export type LastState =
  | { ok: true; state: agent.AgentState }
  | { ok: false; why: "none" | "unreadable" | "damaged" | "other-peer" };

/**
 * The state the server sent last, so that the agent can dial its proxies while the server is away. A damaged file is
 * only a slower start: the server sends the state again.
 *
 * @param peerId the state of another peer is not ours to use
 */
export function loadLastState(stateDir: string, peerId: string): LastState {
  let text: string;
  try {
    text = readFileSync(lastStatePath(stateDir), "utf8");
  } catch (error) {
    return { ok: false, why: (error as NodeJS.ErrnoException).code === "ENOENT" ? "none" : "unreadable" };
  }
  try {
    const { format, sha256, state } = JSON.parse(text) as Record<string, unknown>;
    if (format !== 1 || typeof state !== "string") return { ok: false, why: "damaged" };
    const bytes = Buffer.from(state, "base64");
    if (digest(bytes) !== sha256) return { ok: false, why: "damaged" };
    const decoded = agent.AgentState.decode(bytes);
    return decoded.peerId === peerId ? { ok: true, state: decoded } : { ok: false, why: "other-peer" };
  } catch {
    return { ok: false, why: "damaged" };
  }
}

/** @throws {StateError} */
export function saveLastState(stateDir: string, state: agent.AgentState): void {
  const bytes = Buffer.from(agent.AgentState.encode(state).finish());
  writeFileAtomically(
    lastStatePath(stateDir),
    `${JSON.stringify({ format: 1, sha256: digest(bytes), state: bytes.toString("base64") })}\n`,
  );
}

/** After the server has said that this peer is gone, nothing may bring its tunnels back. */
export function forgetLastState(stateDir: string): void {
  rmSync(lastStatePath(stateDir), { force: true });
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
