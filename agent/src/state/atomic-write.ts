import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { StateError } from "./state-error.ts";

/**
 * Replaces a file so that a reader, a crash or a full disk finds either the old content or the new, never a part.
 * The file is readable by its owner only.
 *
 * @throws {StateError} naming the path and the remedy; the old content is then untouched
 */
export function writeFileAtomically(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  try {
    const file = openSync(temporary, "w", 0o600);
    try {
      const bytes = Buffer.from(content);
      for (let written = 0; written < bytes.length; )
        written += writeSync(file, bytes, written, bytes.length - written);
      // Without it a crash soon after the rename may leave an empty file under the final name.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // The first error is the one to tell; the next write truncates what is left.
    }
    throw new StateError("cannot write", path, error);
  }
}

/** @throws {StateError} */
export function ensureStateDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StateError("cannot create the state folder", path, error);
  }
}

/** Makes the rename itself durable. Windows has no such call and needs none. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
