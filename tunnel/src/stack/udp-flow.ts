import type { Flow, FlowEndpoints } from "./flow-table.ts";

export type UdpFailure = "ECONNREFUSED" | "EHOSTUNREACH" | "EMSGSIZE";

export interface UdpFlowHandler {
  /** `bytes` belongs to the handler. */
  onMessage(bytes: Uint8Array): void;
  onError(failure: UdpFailure): void;
}

/** Datagrams kept for an application that has not looked yet; more than that is lost, as UDP may be. */
const MAX_QUEUED_DATAGRAMS = 64;
const MAX_QUEUED_BYTES = 256 * 1024;

/** A connected pair of UDP endpoints. */
export class UdpFlow implements Flow<UdpFlow> {
  readonly endpoints: FlowEndpoints;
  nextInBucket: UdpFlow | undefined;
  #handler: UdpFlowHandler | undefined;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;

  constructor(endpoints: FlowEndpoints) {
    this.endpoints = endpoints;
  }

  setHandler(handler: UdpFlowHandler): void {
    this.#handler = handler;
    this.#queuedBytes = 0;
    for (const bytes of this.#queue.splice(0)) handler.onMessage(bytes);
  }

  deliver(bytes: Uint8Array): void {
    if (this.#handler !== undefined) {
      this.#handler.onMessage(bytes);
      return;
    }
    if (this.#queue.length >= MAX_QUEUED_DATAGRAMS || this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES)
      return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  fail(failure: UdpFailure): void {
    this.#handler?.onError(failure);
  }
}
