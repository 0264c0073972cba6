import type { IpAddress } from "../wire/ip-address.ts";
import type { IpPacket } from "../wire/ip-packet.ts";

/** The four-tuple of a flow, from our side. */
export interface FlowEndpoints {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
}

export interface Flow<Self> {
  readonly endpoints: FlowEndpoints;
  /** Next flow with the same hash; belongs to the table. */
  nextInBucket: Self | undefined;
}

/**
 * Flows by four-tuple. Looked up once per packet, so it hashes words instead of building a text key. The seed is secret and
 * random: a peer that chooses ports cannot aim at one bucket.
 */
export class FlowTable<T extends Flow<T>> {
  readonly #buckets = new Map<number, T>();
  readonly #seed: number;
  #size = 0;

  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get size(): number {
    return this.#size;
  }

  /** The flow an incoming packet belongs to. */
  findIncoming(packet: IpPacket, localPort: number, remotePort: number): T | undefined {
    const hash = this.#hash(
      packet.source0 ^ packet.source1 ^ packet.source2 ^ packet.source3,
      packet.destination0 ^ packet.destination1 ^ packet.destination2 ^ packet.destination3,
      localPort,
      remotePort,
    );
    for (let flow = this.#buckets.get(hash); flow !== undefined; flow = flow.nextInBucket) {
      const { endpoints } = flow;
      if (
        endpoints.localPort === localPort &&
        endpoints.remotePort === remotePort &&
        isSource(endpoints.remoteAddress, packet) &&
        isDestination(endpoints.localAddress, packet)
      ) {
        return flow;
      }
    }
    return undefined;
  }

  find(endpoints: FlowEndpoints): T | undefined {
    for (
      let flow = this.#buckets.get(this.#hashOf(endpoints));
      flow !== undefined;
      flow = flow.nextInBucket
    ) {
      const other = flow.endpoints;
      if (
        other.localPort === endpoints.localPort &&
        other.remotePort === endpoints.remotePort &&
        isEqual(other.remoteAddress, endpoints.remoteAddress) &&
        isEqual(other.localAddress, endpoints.localAddress)
      ) {
        return flow;
      }
    }
    return undefined;
  }

  add(flow: T): void {
    const hash = this.#hashOf(flow.endpoints);
    flow.nextInBucket = this.#buckets.get(hash);
    this.#buckets.set(hash, flow);
    this.#size += 1;
  }

  remove(flow: T): void {
    const hash = this.#hashOf(flow.endpoints);
    let previous: T | undefined;
    for (let other = this.#buckets.get(hash); other !== undefined; other = other.nextInBucket) {
      if (other === flow) {
        if (previous !== undefined) previous.nextInBucket = flow.nextInBucket;
        else if (flow.nextInBucket !== undefined) this.#buckets.set(hash, flow.nextInBucket);
        else this.#buckets.delete(hash);
        flow.nextInBucket = undefined;
        this.#size -= 1;
        return;
      }
      previous = other;
    }
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const first of [...this.#buckets.values()]) {
      for (let flow: T | undefined = first; flow !== undefined; ) {
        const next: T | undefined = flow.nextInBucket;
        yield flow;
        flow = next;
      }
    }
  }

  #hashOf({ localAddress, localPort, remoteAddress, remotePort }: FlowEndpoints): number {
    return this.#hash(
      remoteAddress.w0 ^ remoteAddress.w1 ^ remoteAddress.w2 ^ remoteAddress.w3,
      localAddress.w0 ^ localAddress.w1 ^ localAddress.w2 ^ localAddress.w3,
      localPort,
      remotePort,
    );
  }

  #hash(remote: number, local: number, localPort: number, remotePort: number): number {
    let hash = Math.imul(remote ^ this.#seed, 0x85ebca6b);
    hash = Math.imul((hash ^ (hash >>> 15)) + local, 0xc2b2ae35);
    hash = Math.imul((hash ^ (hash >>> 13)) + ((localPort << 16) | remotePort), 0x27d4eb2f);
    return (hash ^ (hash >>> 16)) | 0;
  }
}

function isEqual(a: IpAddress, b: IpAddress): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

function isSource(address: IpAddress, packet: IpPacket): boolean {
  return (
    address.w3 === packet.source3 &&
    address.w2 === packet.source2 &&
    address.w1 === packet.source1 &&
    address.w0 === packet.source0
  );
}

function isDestination(address: IpAddress, packet: IpPacket): boolean {
  return (
    address.w3 === packet.destination3 &&
    address.w2 === packet.destination2 &&
    address.w1 === packet.destination1 &&
    address.w0 === packet.destination0
  );
}
