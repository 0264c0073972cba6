import assert from "node:assert/strict";
import fc from "fast-check";
import type { Engine } from "../src/engine.ts";
import { TimerQueue } from "../src/session/timers.ts";
import { IpStack, type IpStackHost } from "../src/stack/ip-stack.ts";
import type { TcpConnection } from "../src/tcp/connection.ts";
import { WindowBudget } from "../src/tcp/window-budget.ts";
import { addWords, checksumOf, networkWord } from "../src/wire/checksum.ts";
import { PacketBuffer } from "../src/wire/packet-buffer.ts";
import { SeededRandom } from "./support/seeded-random.ts";
import { address } from "./support/simulation.ts";
import { tcpPair } from "./support/tcp-pair.ts";

const PACKETS = 1_000_000;

/** Every kind of datagram a lively pair of peers exchanges. */
function corpus(): Uint8Array[] {
  const { simulation, alice, bob, aliceDevice, bobAddress, client } = tcpPair({
    clientBytes: 20_000,
    serverBytes: 20_000,
    link: { loss: 0.02, reorder: 0.1, reorderMs: 10 },
  });
  alice.sent = [];
  bob.sent = [];
  aliceDevice.stack.ping(bobAddress, 1000, () => {});
  simulation.runUntil(() => client.closed, 20_000);
  simulation.advance(200_000);
  aliceDevice.stack.ping(bobAddress, 1000, () => {});
  simulation.advance(1000);
  return [...alice.sent, ...bob.sent];
}

/** A stack without WireGuard in front of it, so that mangled packets get past the cipher. */
function bareStack(random: SeededRandom) {
  const outgoing: Uint8Array[] = [];
  const awake = new Set<TcpConnection>();
  const host: IpStackHost<string> = {
    nowMs: 1,
    timers: new TimerQueue(),
    budget: new WindowBudget(1 << 20),
    packetBuffer: new PacketBuffer(),
    routeEpoch: 0,
    routeTo: () => "peer",
    send: (_route, bytes) => {
      if (outgoing.length < 1000) outgoing.push(host.packetBuffer.bytes.slice(16, 16 + bytes));
    },
    random32: () => random.below(2 ** 32) | 0,
    wake: (connection) => awake.add(connection),
  };
  const stack = new IpStack<string>(host, {
    mtu: 1420,
    onConnection: (held) => {
      if (random.below(2) === 0) held.accept();
      else held.refuse("unreachable");
    },
    onFlow: (held) => {
      if (random.below(2) === 0) held.accept();
      else held.refuse("unreachable");
    },
  });
  stack.setAddresses([address("10.0.0.2"), address("fd00::2")]);
  const flush = () => {
    for (const connection of awake) connection.flush();
    awake.clear();
  };
  return { stack, outgoing, flush };
}

/** Makes the checksums of a mangled packet right again, so that it is looked at more closely. */
function repairChecksums(buffer: PacketBuffer, end: number): void {
  const { bytes, words } = buffer;
  const v4 = bytes[16]! >>> 4 === 4;
  const headerBytes = v4 ? (bytes[16]! & 15) * 4 : 40;
  const at = 16 + headerBytes;
  if (at + 20 > end) return;
  if (v4) {
    words[13] = 0;
    words[13] = checksumOf(addWords(0, words, 16, at));
  }
  const protocol = bytes[v4 ? 25 : 22]!;
  const field = protocol === 6 ? 16 : protocol === 17 ? 6 : protocol === 1 || protocol === 58 ? 2 : -1;
  if (field < 0) return;
  const addresses = addWords(0, words, v4 ? 28 : 24, v4 ? 36 : 56);
  const pseudo = protocol === 1 ? 0 : addresses + networkWord(protocol) + networkWord(end - at);
  words[(at + field) >> 1] = 0;
  words[(at + field) >> 1] = checksumOf(addWords(pseudo, words, at, end));
}

function mangle(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const changes = random.below(4);
  for (let i = 0; i < changes; i += 1) {
    const at = random.below(Math.min(copy.length, 80));
    copy[at] = random.below(3) === 0 ? [0, 255, 127, 128][random.below(4)]! : random.below(256);
  }
  return random.below(4) === 0 ? copy.subarray(0, random.below(copy.length + 1)) : copy;
}

suite("engine", () => {
  test("malformed and truncated datagrams by the million never throw", function () {
    this.timeout(60_000);
    const seed = 11;
    const random = new SeededRandom(seed);
    const datagrams = corpus();
    const { alice, bob, simulation, client, server } = tcpPair({ clientBytes: 1000, finish: false, seed });
    simulation.advance(1000);
    const engines: Engine[] = [alice.engine, bob.engine];
    for (let i = 0; i < PACKETS; i += 1) {
      const datagram = mangle(random, datagrams[random.below(datagrams.length)]!);
      engines[i & 1]!.receive(
        datagram,
        { address: "203.0.113.5", port: random.below(65_536) },
        simulation.nowMs,
      );
    }
    // And the connection that was there has not noticed.
    client.connection.write(Buffer.from([1]));
    simulation.advance(1000);
    assert.equal(server().received, 1001, `seed ${seed}`);
  });

  test("malformed and truncated inner packets by the million never throw", function () {
    this.timeout(60_000);
    const seed = 12;
    const random = new SeededRandom(seed);
    // What two bare stacks say to each other is the corpus.
    const { stack, outgoing, flush } = bareStack(random);
    const seeds: Uint8Array[] = [];
    for (const target of ["10.0.0.1", "fd00::1"]) {
      for (let i = 0; i < 8; i += 1) {
        stack.connect(address(target), 80, 1000);
        stack.ping(address(target), 1000, () => {});
        const opened = stack.openFlow(address(target), 53);
        if (opened.ok) stack.sendDatagram(opened.flow, random.bytes(random.below(100)));
      }
    }
    flush();
    seeds.push(...outgoing.splice(0));
    const buffer = new PacketBuffer();
    let seen = 0;
    for (let i = 0; i < PACKETS; i += 1) {
      const packet = mangle(random, seeds[random.below(seeds.length)]!);
      buffer.bytes.set(packet, 16);
      const end = 16 + packet.length;
      if (random.below(4) > 0) repairChecksums(buffer, end);
      stack.receive(buffer, end, "peer");
      if ((i & 63) === 0) flush();
      // Answers are mangled in turn: SYN-ACKs, resets and ICMP errors get back into the mill.
      for (const answer of outgoing.splice(0)) {
        seen += 1;
        seeds[random.below(seeds.length)] = answer;
      }
    }
    assert.ok(seen > 1000, `only ${seen} answers: the packets did not get far, seed ${seed}`);
  });

  test("arbitrary bytes never throw", () => {
    const { alice, simulation } = tcpPair();
    const random = new SeededRandom(13);
    const { stack } = bareStack(random);
    const buffer = new PacketBuffer();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(4), (bytes, type) => {
        const datagram = Uint8Array.from([type, 0, 0, 0, ...bytes]);
        alice.engine.receive(datagram, { address: "203.0.113.5", port: 1 }, simulation.nowMs);
        buffer.bytes.set(bytes, 16);
        stack.receive(buffer, 16 + bytes.length, "peer");
      }),
      { numRuns: 20_000 },
    );
  });

  test("an exception in one application's handler leaves the other connections alone", () => {
    const one = tcpPair({ clientBytes: 10, finish: false });
    one.simulation.advance(100);
    const { engine } = one.bob;
    const handler = one.server();
    handler.onReadable = () => {
      throw new Error("application bug");
    };
    one.client.connection.write(Buffer.from([10]));
    let thrown = 0;
    for (let i = 0; i < 20; i += 1) {
      try {
        one.simulation.advance(5);
      } catch {
        thrown += 1;
      }
    }
    assert.equal(thrown, 1);
    handler.onReadable = () => handler.read();
    one.client.connection.write(Buffer.from([11]));
    one.simulation.advance(200);
    assert.equal(handler.received, 12);
    assert.equal(engine.hasWork, false);
  });
});
