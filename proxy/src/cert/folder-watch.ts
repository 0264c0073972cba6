import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * Says when something in some folders may have changed. Whole folders are watched, because files are replaced by
 * renaming (certbot, cp over NFS) and by swapping a link beside them (Kubernetes `..data`); a poll finds what no event
 * tells (network file systems, a folder that was replaced itself).
 */
export class FolderWatch {
  readonly #folders: readonly string[];
  readonly #onChange: () => void;
  readonly #debounceMs: number;
  readonly #watchers = new Map<string, { watcher: FSWatcher; inode: number }>();
  #debounce: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  #closed = false;

  constructor(
    folders: readonly string[],
    onChange: () => void,
    { debounceMs = 300, pollMs = 30_000 }: { debounceMs?: number; pollMs?: number } = {},
  ) {
    this.#folders = [...new Set(folders)];
    this.#onChange = onChange;
    this.#debounceMs = debounceMs;
    this.#poll = setInterval(() => {
      void this.#attach();
      this.#changed();
    }, pollMs);
    this.#poll.unref();
  }

  /** Resolves when the watchers are in place. */
  async start(): Promise<void> {
    await this.#attach();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#debounce);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #attach(): Promise<void> {
    for (const folder of this.#folders) {
      const inode = await stat(folder).then(
        ({ ino }) => ino,
        () => undefined,
      );
      const known = this.#watchers.get(folder);
      if (this.#closed || known?.inode === inode) continue;
      known?.watcher.close();
      this.#watchers.delete(folder);
      if (inode === undefined) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#changed());
        // No watch left to have (inotify limit), or the folder went away: the poll goes on.
        watcher.on("error", () => watcher.close());
        this.#watchers.set(folder, { watcher, inode });
      } catch {
        // As above.
      }
    }
  }

  #changed(): void {
    if (this.#closed) return;
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(this.#onChange, this.#debounceMs);
  }
}
