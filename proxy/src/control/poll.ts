import type { ServiceError } from "@grpc/grpc-js";
import type { Logger } from "../observe/log.ts";
import { isUnimplemented } from "./stream-failure.ts";

/** A stock server may be replaced by ours while we run. */
const UNSUPPORTED_MS = 60_000;
const CALL_MS = 5_000;

export interface Question<T> {
  readonly everyMs: number;
  /** For the log, such as "brandings not asked for". */
  readonly problem: string;
  readonly log: Logger;
  /** Makes the call. */
  ask(options: { deadline: number }, done: (error: ServiceError | null, response: T) => void): void;
  take(response: T): void;
}

/** Asks the server the same again and again while there is a connection; a server that does not know the question, seldom. */
export class Poll<T> {
  readonly #question: Question<T>;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(question: Question<T>) {
    this.#question = question;
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
    const { everyMs, problem, log, ask, take } = this.#question;
    ask({ deadline: Date.now() + CALL_MS }, (error, response) => {
      if (!this.#connected) return;
      const unsupported = error !== null && isUnimplemented(error);
      if (error === null) take(response);
      else if (!unsupported) log.warn({ code: error.code, reason: error.details }, problem);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), unsupported ? UNSUPPORTED_MS : everyMs);
      this.#timer.unref();
    });
  }
}
