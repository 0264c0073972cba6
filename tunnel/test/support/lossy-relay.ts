import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { SeededRandom } from "./seeded-random.ts";

export interface RelayFaults {
  /** Shares of 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
}

const BUFFER_BYTES = 4 << 20;
/** Held-back datagrams leave after this many others, or after a moment when no others come. */
const HOLD_DATAGRAMS = 8;
const HOLD_MS = 3;

interface Held {
  /** How many others still go first. */
  left: number;
  readonly send: () => void;
}

/**
 * A UDP relay that loses, repeats and reorders datagrams. Left and right each see one address of it; the left side is
 * learnt from its first datagram when it is not told.
 */
export class LossyRelay {
  readonly #faults: RelayFaults;
  readonly #random: SeededRandom;
  readonly #left: Socket;
  readonly #right: Socket;
  #leftPeer: { port: number; address: string } | undefined;
  #rightPeer: { port: number; address: string } | undefined;
  lost = 0;
  passed = 0;

  private constructor(faults: RelayFaults, seed: number) {
    this.#faults = faults;
    this.#random = new SeededRandom(seed);
    this.#left = createSocket({ type: "udp4", recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    this.#right = createSocket({ type: "udp4", recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
  }

  /** @returns the relay with its ports on both addresses */
  static async open(
    leftAddress: string,
    rightAddress: string,
    faults: RelayFaults,
    seed: number,
  ): Promise<{ relay: LossyRelay; leftPort: number; rightPort: number }> {
    const relay = new LossyRelay(faults, seed);
    relay.#left.bind(0, leftAddress);
    relay.#right.bind(0, rightAddress);
    await Promise.all([once(relay.#left, "listening"), once(relay.#right, "listening")]);
    relay.#left.on("message", (datagram, from) => {
      relay.#leftPeer = from;
      relay.#forward(datagram, relay.#right, () => relay.#rightPeer);
    });
    relay.#right.on("message", (datagram, from) => {
      relay.#rightPeer = from;
      relay.#forward(datagram, relay.#left, () => relay.#leftPeer);
    });
    return { relay, leftPort: relay.#left.address().port, rightPort: relay.#right.address().port };
  }

  /** Tells where the two sides are; needed for the one that does not speak first. */
  setPeers(
    left: { port: number; address: string } | undefined,
    right: { port: number; address: string } | undefined,
  ): void {
    this.#leftPeer ??= left;
    this.#rightPeer ??= right;
  }

  readonly #held = new Map<Socket, Held[]>();

  #forward(
    datagram: Buffer,
    socket: Socket,
    peer: () => { port: number; address: string } | undefined,
  ): void {
    const send = () => {
      const to = peer();
      if (to !== undefined) socket.send(datagram, to.port, to.address);
    };
    if (this.#random.next() < this.#faults.loss) {
      this.lost += 1;
    } else if (this.#random.next() < this.#faults.reorder) {
      const held: Held = { left: HOLD_DATAGRAMS, send };
      this.#heldOf(socket).push(held);
      setTimeout(() => this.#release(socket, held), HOLD_MS);
    } else {
      this.passed += 1;
      send();
      if (this.#random.next() < this.#faults.duplicate) send();
    }
    for (const held of [...this.#heldOf(socket)]) {
      held.left -= 1;
      if (held.left <= 0) this.#release(socket, held);
    }
  }

  #heldOf(socket: Socket): Held[] {
    let held = this.#held.get(socket);
    if (held === undefined) {
      held = [];
      this.#held.set(socket, held);
    }
    return held;
  }

  #release(socket: Socket, held: Held): void {
    const list = this.#heldOf(socket);
    const at = list.indexOf(held);
    if (at < 0) return;
    list.splice(at, 1);
    this.passed += 1;
    held.send();
  }

  close(): void {
    this.#held.clear();
    this.#left.close();
    this.#right.close();
  }
}
