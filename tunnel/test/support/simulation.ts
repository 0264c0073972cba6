import { type Endpoint, Engine, type EngineDevice, type EngineDeviceConfig } from "../../src/engine.ts";
import { privateKeyFromRandom, publicKeyOf } from "../../src/noise/keys.ts";
import { type IpAddress, parseIpAddress, parseIpPrefix } from "../../src/wire/ip-address.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A link in one direction. Rates are shares of 1. */
export interface Link {
  delayMs: number;
  /** Extra delay, uniform up to this much. */
  jitterMs: number;
  /** 0 for unlimited. */
  megabitsPerSecond: number;
  /** Datagrams that find more than this in front of them are dropped. */
  queueBytes: number;
  loss: number;
  duplicate: number;
  /** Share of datagrams that are held back by `reorderMs`. */
  reorder: number;
  reorderMs: number;
  /** Decides before the dice: false drops the datagram. */
  pass?: (datagram: Uint8Array) => boolean;
}

export const PERFECT_LINK: Link = {
  delayMs: 1,
  jitterMs: 0,
  megabitsPerSecond: 0,
  queueBytes: 1 << 20,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderMs: 0,
};

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Simulated time and wire. Everything between two random draws is the real engine. */
export class Simulation {
  nowMs = 0;
  readonly random: SeededRandom;
  readonly #events: Event[] = [];
  readonly #hosts: SimulatedHost[] = [];
  #order = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  addHost(name: string): SimulatedHost {
    const host = new SimulatedHost(this, { address: name, port: 1 });
    this.#hosts.push(host);
    return host;
  }

  hostAt(endpoint: Endpoint): SimulatedHost | undefined {
    return this.#hosts.find(
      (host) => host.endpoint.address === endpoint.address && host.endpoint.port === endpoint.port,
    );
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#order, run };
    this.#order += 1;
    let at = this.#events.length;
    this.#events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isSooner(event, this.#events[parent]!)) break;
      this.#events[at] = this.#events[parent]!;
      at = parent;
    }
    this.#events[at] = event;
  }

  #pop(): Event | undefined {
    const top = this.#events[0];
    const last = this.#events.pop();
    if (top === undefined || last === undefined || this.#events.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#events.length) break;
      if (child + 1 < this.#events.length && isSooner(this.#events[child + 1]!, this.#events[child]!))
        child += 1;
      if (!isSooner(this.#events[child]!, last)) break;
      this.#events[at] = this.#events[child]!;
      at = child;
    }
    this.#events[at] = last;
    return top;
  }

  #tellTime(): void {
    for (const host of this.#hosts) host.engine.nowMs = this.nowMs;
  }

  /** Runs until `done` or until `limitMs` of simulated time have passed. @returns whether `done` came true */
  runUntil(done: () => boolean, limitMs: number): boolean {
    const endMs = this.nowMs + limitMs;
    for (;;) {
      for (const host of this.#hosts) host.settle();
      if (done()) return true;
      let nextMs = this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
      for (const host of this.#hosts)
        nextMs = Math.min(nextMs, host.engine.nextDeadlineMs() ?? Number.POSITIVE_INFINITY);
      if (nextMs > endMs) {
        this.nowMs = endMs;
        this.#tellTime();
        return done();
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.#tellTime();
      while (this.#events[0] !== undefined && this.#events[0].atMs <= this.nowMs) this.#pop()!.run();
      for (const host of this.#hosts) {
        if ((host.engine.nextDeadlineMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs)
          host.engine.tick(this.nowMs);
      }
    }
  }

  advance(durationMs: number): void {
    this.runUntil(() => false, durationMs);
  }
}

function isSooner(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** One engine on the simulated wire. */
export class SimulatedHost {
  readonly engine: Engine;
  readonly endpoint: Endpoint;
  /** How datagrams leave this host. */
  link: Link = { ...PERFECT_LINK };
  /** Every datagram that left, when switched on. */
  sent: Uint8Array[] | undefined;
  datagramsSent = 0;
  /** Changes the address others see, as a NAT or a new network does. */
  visibleEndpoint: Endpoint;
  readonly #simulation: Simulation;
  #lineFreeMs = 0;

  constructor(simulation: Simulation, endpoint: Endpoint) {
    this.#simulation = simulation;
    this.endpoint = endpoint;
    this.visibleEndpoint = endpoint;
    this.engine = new Engine(
      {
        randomBytes: (length) => simulation.random.bytes(length),
        wallMs: () => 1_700_000_000_000 + simulation.nowMs,
        sendDatagram: (to, datagram) => this.#send(to, datagram),
        wake: () => {},
      },
      simulation.nowMs,
    );
  }

  #send(to: Endpoint, datagram: Uint8Array): boolean {
    const { link } = this;
    const simulation = this.#simulation;
    const bytes = datagram.slice();
    this.datagramsSent += 1;
    this.sent?.push(bytes);
    if (link.pass !== undefined && !link.pass(bytes)) return false;
    let leavesMs = simulation.nowMs;
    if (link.megabitsPerSecond > 0) {
      const bytesPerMs = (link.megabitsPerSecond * 1000) / 8;
      const startMs = Math.max(simulation.nowMs, this.#lineFreeMs);
      if ((startMs - simulation.nowMs) * bytesPerMs > link.queueBytes) return false;
      this.#lineFreeMs = startMs + (bytes.length + 28) / bytesPerMs;
      leavesMs = this.#lineFreeMs;
    }
    const copies = simulation.random.next() < link.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (simulation.random.next() < link.loss) continue;
      const held = simulation.random.next() < link.reorder ? link.reorderMs : 0;
      const atMs = leavesMs + link.delayMs + held + simulation.random.next() * link.jitterMs;
      simulation.at(atMs, () =>
        simulation.hostAt(to)?.engine.receive(bytes, this.visibleEndpoint, simulation.nowMs),
      );
    }
    return false;
  }

  settle(): void {
    while (this.engine.hasWork) this.engine.flush(this.#simulation.nowMs);
  }
}

/** Two hosts with a device each that know each other, and a clean link in between. */
export interface TwoPeers {
  readonly simulation: Simulation;
  readonly alice: SimulatedHost;
  readonly bob: SimulatedHost;
  readonly aliceDevice: EngineDevice;
  readonly bobDevice: EngineDevice;
  readonly aliceAddress: IpAddress;
  readonly bobAddress: IpAddress;
}

export interface TwoPeersOptions {
  readonly seed?: number;
  readonly mtu?: number;
  readonly link?: Partial<Link>;
  readonly bob?: Partial<EngineDeviceConfig>;
  readonly alice?: Partial<EngineDeviceConfig>;
  /** `presharedKey` of both sides. */
  readonly presharedKey?: Uint8Array;
  readonly bobKnowsEndpoint?: boolean;
  readonly family?: 4 | 6;
}

export const ALICE_V4 = "10.0.0.1";
export const BOB_V4 = "10.0.0.2";
export const ALICE_V6 = "fd00::1";
export const BOB_V6 = "fd00::2";

export function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (!parsed.ok) throw new Error(`not an address: ${text}`);
  return parsed.value;
}

export function prefix(text: string) {
  const parsed = parseIpPrefix(text);
  if (!parsed.ok) throw new Error(`not a prefix: ${text}`);
  return parsed.value;
}

export function twoPeers(options: TwoPeersOptions = {}): TwoPeers {
  const simulation = new Simulation(options.seed ?? 1);
  const alice = simulation.addHost("192.0.2.1");
  const bob = simulation.addHost("192.0.2.2");
  Object.assign(alice.link, options.link);
  Object.assign(bob.link, options.link);
  const mtu = options.mtu ?? 1420;
  const aliceKey = privateKeyFromRandom(simulation.random.bytes(32));
  const bobKey = privateKeyFromRandom(simulation.random.bytes(32));
  const aliceDevice = alice.engine.addDevice({
    privateKey: aliceKey,
    addresses: [address(ALICE_V4), address(ALICE_V6)],
    mtu,
    ...options.alice,
  });
  const bobDevice = bob.engine.addDevice({
    privateKey: bobKey,
    addresses: [address(BOB_V4), address(BOB_V6)],
    mtu,
    ...options.bob,
  });
  const { presharedKey } = options;
  aliceDevice.setPeer({
    publicKey: publicKeyOf(bobKey),
    presharedKey,
    allowedIps: [prefix(`${BOB_V4}/32`), prefix(`${BOB_V6}/128`)],
    endpoint: bob.endpoint,
  });
  bobDevice.setPeer({
    publicKey: publicKeyOf(aliceKey),
    presharedKey,
    allowedIps: [prefix(`${ALICE_V4}/32`), prefix(`${ALICE_V6}/128`)],
    endpoint: options.bobKnowsEndpoint ? alice.endpoint : undefined,
  });
  const family = options.family ?? 4;
  return {
    simulation,
    alice,
    bob,
    aliceDevice,
    bobDevice,
    aliceAddress: address(family === 4 ? ALICE_V4 : ALICE_V6),
    bobAddress: address(family === 4 ? BOB_V4 : BOB_V6),
  };
}
