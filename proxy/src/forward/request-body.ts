import { Readable } from "node:stream";

/**
 * A visitor's request body on its way to the target. A stream of its own, because whoever sends it destroys it when
 * done, and destroying an HTTP/2 stream would take the answer with it.
 */
export class RequestBody extends Readable {
  bytes = 0;
  readonly #source: Readable;
  readonly #onProgress: () => void;

  /** @param onProgress called for every chunk */
  constructor(source: Readable, onProgress: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#onProgress = onProgress;
    source.on("data", (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.#onProgress();
      if (!this.push(chunk)) source.pause();
    });
    source.on("end", () => this.push(null));
    source.on("error", (error) => this.destroy(error));
    source.on("close", () => {
      if (!source.readableEnded) this.destroy(new Error("the client went away"));
    });
    source.pause();
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Whatever else the visitor sends is read and forgotten, so that the connection can be used again.
    this.#source.removeAllListeners("data");
    this.#source.resume();
    callback(error);
  }
}
