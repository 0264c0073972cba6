import type { Logger } from "../observe/log.ts";
import { writeAtomically } from "./atomic-file.ts";

export interface StateWriterOptions {
  readonly file: string;
  readonly log: Logger;
  /** The content at the time of writing. */
  readonly content: () => string;
  readonly onResult: (ok: boolean) => void;
  readonly write?: (file: string, content: string) => Promise<void>;
  readonly delayMs?: number;
  readonly retryMs?: number;
}

/**
 * Keeps the state file up to date: changes of one moment become one write, and a write that fails (a full disk) leaves
 * the old file, is said in the log and tried again. The proxy goes on meanwhile.
 */
export class StateWriter {
  readonly #options: StateWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #dirty = false;
  #failing = false;
  /** How long the last write took: a large configuration is written less often. */
  #tookMs = 0;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  changed(): void {
    this.#dirty = true;
    if (this.#writing === undefined) this.#schedule(this.#delayMs);
  }

  get #delayMs(): number {
    return Math.max(this.#options.delayMs ?? 100, this.#tookMs * 10);
  }

  /** Writes what is pending now. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    if (this.#dirty) await this.#write();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, delayMs);
  }

  #write(): Promise<void> {
    this.#dirty = false;
    this.#writing = this.#attempt().finally(() => {
      this.#writing = undefined;
      if (this.#dirty) this.#schedule(this.#failing ? (this.#options.retryMs ?? 15_000) : this.#delayMs);
    });
    return this.#writing;
  }

  async #attempt(): Promise<void> {
    const { file, log, content, onResult } = this.#options;
    const write = this.#options.write ?? writeAtomically;
    const startedMs = performance.now();
    try {
      await write(file, content());
      if (this.#failing) log.info({ file }, "configuration is saved again");
      this.#failing = false;
      this.#tookMs = performance.now() - startedMs;
      onResult(true);
    } catch (error) {
      this.#dirty = true;
      // Once per outage at this level; the counter has every one.
      log[this.#failing ? "debug" : "error"](
        { file, err: error },
        "configuration cannot be saved; the file before it stays, and the proxy goes on",
      );
      this.#failing = true;
      onResult(false);
    }
  }
}
