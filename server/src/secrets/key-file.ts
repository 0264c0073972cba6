import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "@netbird-proxy/proto";

const KEY_BYTES = 32;

/**
 * The key of everything that is encrypted at rest: 32 bytes in base64. A missing file is made, readable by its owner only.
 * @throws AppError `storage.unreadable` naming the file
 */
export function readOrCreateKeyFile(path: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // ENOTDIR: a part of the path is a file, so there has never been a key.
    if (code !== "ENOENT" && code !== "ENOTDIR") throw unreadable(path, (error as Error).message, error);
    return createKeyFile(path);
  }
  const key = Buffer.from(text.trim(), "base64");
  if (key.byteLength !== KEY_BYTES) throw unreadable(path, `it must hold ${KEY_BYTES} bytes in base64`);
  return key;
}

function createKeyFile(path: string): Uint8Array {
  const key = randomBytes(KEY_BYTES);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // "wx": two programs that start at once must not each have a key of their own.
    writeFileSync(path, `${key.toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return readOrCreateKeyFile(path);
    throw new AppError(
      "storage.unreadable",
      `the encryption key file ${path} cannot be made: ${(error as Error).message}`,
      {
        cause: error,
        hint: "Point NB_SERVER_STATE_DIR (or NB_SERVER_ENCRYPTION_KEY_FILE) at a folder with space that the server may write.",
      },
    );
  }
  return key;
}

function unreadable(path: string, why: string, cause?: unknown): AppError {
  return new AppError("storage.unreadable", `the encryption key file ${path} cannot be used: ${why}`, {
    cause,
    hint: `Restore ${path} from the backup that belongs to the database, or correct its permissions. Without it, private keys in the database cannot be read.`,
  });
}
