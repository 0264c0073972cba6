import type { management } from "@netbird-proxy/proto/grpc";
import type { ManagementClient } from "./management-client.ts";

export interface AccessLogSenderOptions {
  /** Records per second at most; 0 sends none. Each is a call of its own, and calls compete with visitors for the CPU. */
  readonly perSecond: number;
  readonly onDropped: (why: "rate" | "queue" | "failed") => void;
  readonly maxQueued?: number;
  readonly maxInFlight?: number;
}

const CALL_MS = 10_000;

/** Sends finished requests to the server, as many as it and the limits take; the rest is counted and dropped. */
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
