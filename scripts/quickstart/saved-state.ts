import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What a later run needs to find everything as it was. */
export interface SavedState {
  ports: Record<string, number>;
  owner?: { email: string; password: string };
  /** Personal access token of the owner. */
  token?: string;
  proxyToken?: string;
  setupKey?: string;
}

/** @throws Error naming the file when it is there but not readable as state */
export function readSavedState(file: string): SavedState {
  if (!existsSync(file)) return { ports: {} };
  try {
    const state = JSON.parse(readFileSync(file, "utf8")) as SavedState;
    if (typeof state.ports !== "object") throw new Error("no ports in it");
    return state;
  } catch (error) {
    throw new Error(
      `${file} cannot be used (${(error as Error).message}); remove the folder ${dirname(file)} to start anew`,
    );
  }
}

/** Writes beside and renames, so that a crash or a full disk leaves the old file whole. */
export function writeSavedState(file: string, state: SavedState): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
