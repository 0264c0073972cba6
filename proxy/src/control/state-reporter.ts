import type { ServiceError } from "@grpc/grpc-js";
import type { control } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented } from "./stream-failure.ts";

export interface StateReporterParts {
  readonly client: ManagementClient;
  readonly log: Logger;
  readonly proxyId: string;
  readonly position: () => { epoch: string; revision: bigint };
  /** Reports of these services; of all that exist when undefined. Ids that are gone are left out. */
  readonly reports: (ids: ReadonlySet<string> | undefined) => control.ServiceReport[];
  readonly peers: () => control.PeerReport[];
  readonly acme: () => control.AcmeReport | undefined;
  /** The server cannot take reports; tell it what a stock proxy would. */
  readonly onUnsupported: () => void;
  readonly debounceMs?: number;
  readonly everyMs?: number;
}

const CALL_MS = 10_000;
const RETRY_MS = 1000;
/** So that whatever got lost between the two of us is put right by itself. */
const FULL_EVERY = 8;
const UNSUPPORTED_RETRY_MS = 60_000;

/**
 * Tells the server what is applied and what works: at once when something changes (changes of the same moment go
 * together), and in any case now and then, because silence means that the proxy is gone.
 */
export class StateReporter {
  readonly #parts: StateReporterParts;
  readonly #debounceMs: number;
  readonly #everyMs: number;
  #dirty = new Set<string>();
  #full = true;
  #sinceFull = 0;
  #connected = false;
  #sending = false;
  #unsupportedUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(parts: StateReporterParts) {
    this.#parts = parts;
    this.#debounceMs = parts.debounceMs ?? 50;
    this.#everyMs = parts.everyMs ?? 10_000;
  }

  /** False with servers that do not take reports. */
  get supported(): boolean {
    return performance.now() >= this.#unsupportedUntilMs;
  }

  /** The control stream stands or is lost. A new one starts with a full report. */
  setConnected(connected: boolean): void {
    this.#connected = connected;
    if (!connected) return;
    this.#full = true;
    this.#schedule(this.#debounceMs);
  }

  changed(ids: Iterable<string>): void {
    for (const id of ids) this.#dirty.add(id);
    this.#schedule(this.#debounceMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(waitMs: number): void {
    if (this.#stopped || this.#sending) return;
    const atMs = performance.now() + waitMs;
    if (this.#timer !== undefined && this.#timerMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = atMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, waitMs);
    this.#timer.unref();
  }

  #send(): void {
    if (!this.#connected || this.#stopped) return;
    if (!this.supported) {
      this.#parts.onUnsupported();
      this.#dirty.clear();
      this.#schedule(this.#unsupportedUntilMs - performance.now() + 1);
      return;
    }
    const full = this.#full || this.#sinceFull >= FULL_EVERY;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    this.#full = false;
    this.#sinceFull = full ? 0 : this.#sinceFull + 1;
    const { epoch, revision } = this.#parts.position();
    const request: control.ReportStateRequest = {
      proxyId: this.#parts.proxyId,
      epoch,
      appliedRevision: revision,
      services: this.#parts.reports(full ? undefined : dirty),
      full,
      peers: this.#parts.peers(),
      acme: this.#parts.acme(),
    };
    this.#sending = true;
    const { client } = this.#parts;
    client.proxyControl.reportState(
      request,
      client.metadata,
      { deadline: Date.now() + CALL_MS },
      (error: ServiceError | null, response) => {
        this.#sending = false;
        if (error !== null) this.#failed(error, dirty, full);
        else this.#schedule(response.sendFull || this.#dirty.size > 0 ? this.#debounceMs : this.#everyMs);
        if (error === null && response.sendFull) this.#full = true;
      },
    );
  }

  #failed(error: ServiceError, dirty: Set<string>, full: boolean): void {
    for (const id of dirty) this.#dirty.add(id);
    this.#full ||= full;
    if (isUnimplemented(error)) {
      this.#unsupportedUntilMs = performance.now() + UNSUPPORTED_RETRY_MS;
      this.#schedule(0);
      return;
    }
    this.#parts.log.debug({ code: error.code, reason: error.details }, "state report failed");
    this.#schedule(RETRY_MS);
  }
}
