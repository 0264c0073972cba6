import { randomBytes } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file as a whole: readers and a crash find the old content or the new one, never half of it. Readable by the
 * owner only.
 *
 * @throws the error of the file system; then the old file is untouched and nothing is left beside it
 */
export async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  // The new name itself must survive a power cut. Some file systems cannot sync a folder; the content is safe anyway.
  const folder = await open(dirname(file), "r").catch(() => undefined);
  if (folder === undefined) return;
  try {
    await folder.sync();
  } catch {
    // See above.
  } finally {
    await folder.close();
  }
}
