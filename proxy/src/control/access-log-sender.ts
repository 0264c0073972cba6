import { status as Status } from "@grpc/grpc-js";
import type { management } from "@netbird-proxy/proto/grpc";
import type { ManagementClient } from "./management-client.ts";

export interface AccessLogSenderOptions {
  /** Records per second at most; 0 sends none. Making and sending them competes with visitors for the CPU. */
  readonly perSecond: number;
  readonly onDropped: (why: "rate" | "queue" | "failed") => void;
  readonly maxQueued?: number;
  readonly maxInFlight?: number;
}

const CALL_MS = 10_000;
const BATCH = 500;
const RETRY_MS = 1_000;
/** The server may take them later; it knows entries that come twice by their id. */
const passing = new Set([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.RESOURCE_EXHAUSTED]);

/**
 * Sends finished requests to the server, as many as it and the limits take; the rest is counted and dropped. One call
 * carries all that came up during the one before. A stock server takes one record a call, so many are under way at once.
 */
export class AccessLogSender {
  readonly #client: ManagementClient;
  readonly #options: AccessLogSenderOptions;
  readonly #maxQueued: number;
  readonly #maxInFlight: number;
  #queue: management.AccessLog[] = [];
  #inFlight = 0;
  #tokens: number;
  #refilledMs = performance.now();
  #connected = false;
  #batches = true;
  #retry: NodeJS.Timeout | undefined;

  constructor(client: ManagementClient, options: AccessLogSenderOptions) {
    this.#client = client;
    this.#options = options;
    this.#maxQueued = options.maxQueued ?? 4096;
    this.#maxInFlight = options.maxInFlight ?? 32;
    this.#tokens = options.perSecond;
  }

  /** Records of an outage wait in the queue, as far as there is room. */
  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#pump();
  }

  /**
   * Whether a record made now would be taken: lets the caller save the work of making one.
   * A refusal is counted.
   */
  admit(): boolean {
    const { perSecond, onDropped } = this.#options;
    if (perSecond === 0) return false;
    const nowMs = performance.now();
    this.#tokens = Math.min(perSecond, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * perSecond);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) {
      onDropped("rate");
      return false;
    }
    if (this.#queue.length >= this.#maxQueued) {
      onDropped("queue");
      return false;
    }
    this.#tokens -= 1;
    return true;
  }

  /** To be called after {@link admit} said yes. */
  send(record: management.AccessLog): void {
    this.#queue.push(record);
    this.#pump();
  }

  /** Sends what is queued, for at most this long. */
  async flush(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#connected && this.#queue.length + this.#inFlight > 0 && performance.now() < deadlineMs) {
      this.#pump();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #pump(): void {
    if (!this.#connected || this.#retry !== undefined) return;
    if (this.#batches) this.#sendBatch();
    else this.#sendSingly();
  }

  #sendBatch(): void {
    if (this.#inFlight > 0 || this.#queue.length === 0) return;
    const logs = this.#queue.splice(0, BATCH);
    this.#inFlight = logs.length;
    this.#client.proxyControl.sendAccessLogs(
      { logs },
      this.#client.metadata,
      { deadline: Date.now() + CALL_MS },
      (error) => {
        this.#inFlight = 0;
        if (error !== null) this.#takeBack(logs, error.code);
        this.#pump();
      },
    );
  }

  #takeBack(logs: management.AccessLog[], code: Status): void {
    if (code === Status.UNIMPLEMENTED) {
      this.#batches = false;
      this.#queue.unshift(...logs);
      return;
    }
    const room = passing.has(code) ? Math.max(0, this.#maxQueued - this.#queue.length) : 0;
    // The newest are worth most to somebody who looks at what happens now.
    const kept = room === 0 ? [] : logs.slice(-room);
    for (let dropped = logs.length - kept.length; dropped > 0; dropped -= 1)
      this.#options.onDropped("failed");
    if (kept.length === 0) return;
    this.#queue.unshift(...kept);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#pump();
    }, RETRY_MS);
    this.#retry.unref();
  }

  #sendSingly(): void {
    while (this.#connected && this.#inFlight < this.#maxInFlight && this.#queue.length > 0) {
      const log = this.#queue.shift()!;
      this.#inFlight += 1;
      this.#client.proxyService.sendAccessLog(
        { log },
        this.#client.metadata,
        { deadline: Date.now() + CALL_MS },
        (error) => {
          this.#inFlight -= 1;
          if (error !== null) this.#options.onDropped("failed");
          this.#pump();
        },
      );
    }
  }
}
