import { chmod, mkdir, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../state/atomic-file.ts";

/** A certificate that somebody uploaded, as the server sent it. */
export interface UploadedPair {
  readonly id: string;
  /** Only this account's services may be served with it. */
  readonly accountId: string;
  /** Tells one content from the next. */
  readonly version: string;
  /** PEM. */
  readonly certPem: string;
  readonly keyPem: string;
}

/** Uploaded certificates on disk, one file each, so that a restart serves them while the server is away. */
export class UploadedFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is there. A file that cannot be used is removed: the server sends its certificate again. @throws file system errors */
  async load(): Promise<UploadedPair[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    const pairs: UploadedPair[] = [];
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name);
      const pair = await readFile(file, "utf8").then(parse, () => undefined);
      // Also what a crash in the middle of a write left behind: it holds a key.
      if (pair === undefined || this.#file(pair.id) !== file) await unlink(file).catch(() => {});
      else pairs.push(pair);
    }
    return pairs;
  }

  /** Certificate and key in one file: they are replaced together or not at all. */
  async save(pair: UploadedPair): Promise<void> {
    await writeAtomically(this.#file(pair.id), JSON.stringify(pair));
  }

  async remove(id: string): Promise<void> {
    await unlink(this.#file(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  #file(id: string): string {
    return join(this.#folder, `${encodeURIComponent(id).replaceAll(".", "%2e")}.json`);
  }
}

function parse(text: string): UploadedPair | undefined {
  try {
    const pair = JSON.parse(text) as UploadedPair;
    const texts = [pair.id, pair.accountId, pair.version, pair.certPem, pair.keyPem];
    return texts.every((value) => typeof value === "string") ? pair : undefined;
  } catch {
    return undefined;
  }
}
