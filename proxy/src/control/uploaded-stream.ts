import type { ClientReadableStream } from "@grpc/grpc-js";
import type { certificates } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import { Backoff } from "./backoff.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented, streamFailure } from "./stream-failure.ts";

export interface UploadedStreamParts {
  readonly client: ManagementClient;
  readonly log: Logger;
  readonly proxyId: string;
  readonly have: () => certificates.HeldCertificate[];
  readonly apply: (changes: certificates.UploadedChanges) => void;
  readonly backoff?: Backoff;
}

/** A stock server may be replaced by ours while we run. */
const UNSUPPORTED_RETRY_MS = 60_000;

/** Keeps the stream of uploaded certificates while the control stream stands: before that the server does not know us. */
export class UploadedStream {
  readonly #parts: UploadedStreamParts;
  readonly #backoff: Backoff;
  #stream: ClientReadableStream<certificates.UploadedChanges> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  #lastComplaint = "";

  constructor(parts: UploadedStreamParts) {
    this.#parts = parts;
    this.#backoff = parts.backoff ?? new Backoff({ initialMs: 300 });
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    clearTimeout(this.#timer);
    // Whatever stream there is belongs to the connection before.
    this.#stream?.cancel();
    this.#stream = undefined;
    if (connected) this.#open();
  }

  stop(): void {
    this.setConnected(false);
  }

  #open(): void {
    const { client, log, proxyId, have, apply } = this.#parts;
    const request: certificates.WatchUploadedRequest = { proxyId, have: have() };
    const stream = client.certificateStore.watchUploaded(request, client.metadata);
    this.#stream = stream;
    const end = (error: unknown) => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      if (!this.#connected) return;
      let waitMs = UNSUPPORTED_RETRY_MS;
      if (!isUnimplemented(error)) {
        const failure = streamFailure(error);
        waitMs = this.#backoff.nextMs(failure.waitAtLeastMs);
        const complaint = `${failure.name} ${failure.message}`;
        log[this.#lastComplaint === complaint ? "debug" : "warn"](
          { code: failure.name, reason: failure.message, waitMs },
          "stream of uploaded certificates lost; they stay as they are",
        );
        this.#lastComplaint = complaint;
      }
      this.#timer = setTimeout(() => this.#open(), waitMs);
      this.#timer.unref();
    };
    stream.on("data", (changes: certificates.UploadedChanges) => {
      if (this.#stream !== stream) return;
      this.#backoff.reset();
      this.#lastComplaint = "";
      apply(changes);
    });
    stream.on("error", end);
    stream.on("end", () => end(new Error("the server ended the stream")));
  }
}
