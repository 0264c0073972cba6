import type { Brandings } from "../answer/branding.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented } from "./stream-failure.ts";

const POLL_MS = 10_000;
/** A stock server may be replaced by ours while we run. */
const UNSUPPORTED_MS = 60_000;
const CALL_MS = 5_000;

/** Asks how sign-in pages look. Until the first answer, and with a stock server, they look as usual. */
export class BrandingsPoll {
  readonly #client: ManagementClient;
  readonly #brandings: Brandings;
  readonly #log: Logger;
  #version = "";
  #timer: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(client: ManagementClient, brandings: Brandings, log: Logger) {
    this.#client = client;
    this.#brandings = brandings;
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
    this.#client.proxyControl.listBrandings(
      { version: this.#version },
      this.#client.metadata,
      { deadline: Date.now() + CALL_MS },
      (error, response) => {
        if (!this.#connected) return;
        if (error === null && response.version !== this.#version) {
          this.#version = response.version;
          this.#brandings.replace(response.brandings);
        } else if (error !== null && !isUnimplemented(error))
          this.#log.warn({ code: error.code, reason: error.details }, "brandings not asked for");
        clearTimeout(this.#timer);
        const waitMs = error !== null && isUnimplemented(error) ? UNSUPPORTED_MS : POLL_MS;
        this.#timer = setTimeout(() => this.#ask(), waitMs);
        this.#timer.unref();
      },
    );
  }
}
