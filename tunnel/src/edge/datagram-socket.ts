import type { TunnelDatagramSocket } from "../dialer.ts";
import type { UdpFailure, UdpFlow } from "../stack/udp-flow.ts";
import { socketError } from "./tunnel-errors.ts";

/** A UDP flow inside the tunnel as the proxy and the agent see it. */
export class FlowSocket implements TunnelDatagramSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #flow: UdpFlow;
  readonly #send: (flow: UdpFlow, datagram: Uint8Array) => void;
  readonly #release: (flow: UdpFlow) => void;
  #onMessage: ((datagram: Uint8Array) => void) | undefined;
  #onError: ((error: NodeJS.ErrnoException) => void) | undefined;
  #closed = false;

  constructor(
    flow: UdpFlow,
    send: (flow: UdpFlow, datagram: Uint8Array) => void,
    release: (flow: UdpFlow) => void,
  ) {
    this.#flow = flow;
    this.#send = send;
    this.#release = release;
    this.remoteAddress = flow.endpoints.remoteAddress.text;
    this.remotePort = flow.endpoints.remotePort;
  }

  send(datagram: Uint8Array): void {
    if (!this.#closed) this.#send(this.#flow, datagram);
  }

  onMessage(listener: (datagram: Uint8Array) => void): void {
    this.#onMessage = listener;
    // From here on the flow hands over what it kept.
    this.#flow.setHandler({
      onMessage: (bytes) => {
        if (!this.#closed) this.#onMessage?.(bytes);
      },
      onError: (failure) => this.#report(failure),
    });
  }

  onError(listener: (error: NodeJS.ErrnoException) => void): void {
    this.#onError = listener;
  }

  #report(failure: UdpFailure): void {
    if (this.#closed) return;
    this.#onError?.(socketError(failure, "send", this.remoteAddress, this.remotePort));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release(this.#flow);
  }
}
