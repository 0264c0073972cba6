import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { parseKeys } from "./key-text.ts";
import { createKeyring, KEY_BYTES, type Keyring } from "./keyring.ts";

/**
 * The keys of everything that is encrypted at rest ({@link parseKeys}). A missing file is made with one key, readable by
 * its owner only. It is read again when it has changed, or when a sealed value names a key that is not known.
 * @throws AppError `storage.unreadable` naming the file
 */
export function openKeyFile(path: string): Keyring {
  let seen = signatureOf(path);
  const keys = parseKeys(readKeyFile(path) ?? createKeyFile(path), path);
  return createKeyring(keys, path, (force) => {
    const signature = signatureOf(path);
    if (!force && signature === seen) return undefined;
    const text = readKeyFile(path);
    if (text === undefined) throw unreadable(path, "it is not there any more");
    const loaded = parseKeys(text, path);
    // Only now: a file that could not be used is tried again.
    seen = signature;
    return loaded;
  });
}

/** @returns undefined when there is none. @throws AppError `storage.unreadable` */
export function readKeyFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    // ENOTDIR: a part of the path is a file, so there has never been a key.
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unreadable(path, message, error);
  }
}

/**
 * Replaces the file at once: whoever reads it, or finds it after a crash, has all of the old text or all of the new one.
 * The owner stays the same, so that a server that runs as another user than the command can still read it.
 * @throws AppError `key.file_unwritable`
 */
export function replaceKeyFile(path: string, text: string): void {
  let part = "";
  try {
    // A link stays a link.
    const target = realpathSync(path);
    part = `${target}.new`;
    const { uid, gid, mode } = statSync(target);
    // Left behind by a command that was killed.
    rmSync(part, { force: true });
    const file = openSync(part, "wx", 0o600);
    try {
      // A server that reads it as a member of the group must still be able to; nobody else ever is.
      fchmodSync(file, 0o600 | (mode & 0o040));
      writeFileSync(file, text);
      const made = statSync(part);
      if (made.uid !== uid || made.gid !== gid) chownSync(part, uid, gid);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, target);
    syncFolder(dirname(target));
  } catch (error) {
    try {
      if (part !== "") rmSync(part, { force: true });
    } catch {
      // What stands in the way there is said below.
    }
    throw new AppError(
      "key.file_unwritable",
      `the encryption key file ${path} cannot be replaced: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** After a power failure the new name must not be gone while the database needs its key. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Another one whenever the file was written or replaced; empty when there is none, which reading it explains. */
function signatureOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return "";
  }
}

function createKeyFile(path: string): string {
  const text = `${randomBytes(KEY_BYTES).toString("base64")}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // "wx": two programs that start at once must not each have a key of their own.
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return readKeyFile(path) ?? createKeyFile(path);
    throw new AppError(
      "storage.unreadable",
      `the encryption key file ${path} cannot be made: ${(error as Error).message}`,
      {
        cause: error,
        hint: "Point NB_SERVER_STATE_DIR (or NB_SERVER_ENCRYPTION_KEY_FILE) at a folder with space that the server may write.",
      },
    );
  }
  return text;
}

function unreadable(path: string, why: string, cause?: unknown): AppError {
  return new AppError("storage.unreadable", `the encryption key file ${path} cannot be used: ${why}`, {
    cause,
    hint: `Restore ${path} from the backup that belongs to the database, or correct its permissions. Without it, private keys in the database cannot be read.`,
  });
}
