import type { control } from "@netbird-proxy/proto/grpc";
import type { EndedSessions } from "../access/ended-sessions.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented } from "./stream-failure.ts";

const POLL_MS = 2_000;
/** A stock server may be replaced by ours while we run. */
const UNSUPPORTED_MS = 60_000;
const CALL_MS = 5_000;

/**
 * Asks which sessions were ended on other proxies. A question every two seconds instead of a stream: an answer is empty
 * nearly always, and none can be lost.
 */
export class EndedSessionsPoll {
  readonly #client: ManagementClient;
  readonly #ended: EndedSessions;
  readonly #log: Logger;
  #sinceMs = 0n;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(client: ManagementClient, ended: EndedSessions, log: Logger) {
    this.#client = client;
    this.#ended = ended;
    this.#log = log;
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    clearTimeout(this.#timer);
    if (connected) this.#ask();
  }

  stop(): void {
    this.setConnected(false);
  }

  #ask(): void {
    this.#client.proxyControl.listEndedSessions(
      { sinceMs: this.#sinceMs },
      this.#client.metadata,
      { deadline: Date.now() + CALL_MS },
      (error, response) => {
        if (!this.#connected) return;
        if (error === null) this.#take(response);
        else if (!isUnimplemented(error))
          this.#log.warn({ code: error.code, reason: error.details }, "ended sessions not asked for");
        this.#again(error !== null && isUnimplemented(error) ? UNSUPPORTED_MS : POLL_MS);
      },
    );
  }

  #take({ sessions, nowMs }: control.ListEndedSessionsResponse): void {
    this.#sinceMs = nowMs;
    this.#ended.end(
      sessions.map(
        ({ tokenHash, expiresAtMs }) =>
          [Buffer.from(tokenHash).toString("hex"), Number(expiresAtMs)] as const,
      ),
      Date.now(),
    );
  }

  #again(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), waitMs);
    this.#timer.unref();
  }
}
