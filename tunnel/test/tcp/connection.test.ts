import assert from "node:assert/strict";
import type { Peer } from "../../src/session/peer.ts";
import type { HeldConnection } from "../../src/stack/ip-stack.ts";
import { MAX_RECEIVE_WINDOW_BYTES } from "../../src/tcp/receiver.ts";
import { FIN, RST, TcpSegment } from "../../src/wire/tcp-segment.ts";
import { MESSAGE_INITIATION } from "../../src/wire/wireguard-message.ts";
import { twoPeers } from "../support/simulation.ts";
import { tcpPair } from "../support/tcp-pair.ts";
import { patternBytes, Transfer } from "../support/transfer.ts";

const HOUR_MS = 3_600_000;

suite("tcp/connection", () => {
  for (const family of [4, 6] as const) {
    test(`both directions arrive whole and both ends close over IPv${family}`, () => {
      const { client, server, simulation, aliceDevice, bobDevice } = tcpPair({
        clientBytes: 3_000_000,
        serverBytes: 2_000_000,
        family,
      });
      assert.ok(simulation.runUntil(() => client.closed && server().closed, 60_000));
      assert.deepEqual([client.received, client.firstWrong, client.failure], [2_000_000, -1, undefined]);
      assert.deepEqual(
        [server().received, server().firstWrong, server().failure],
        [3_000_000, -1, undefined],
      );
      simulation.advance(60_000);
      assert.equal(aliceDevice.stack.connectionCount + bobDevice.stack.connectionCount, 0);
    });
  }

  test("a refused SYN is ECONNREFUSED, an unreachable one EHOSTUNREACH, a dropped one ETIMEDOUT", () => {
    for (const [how, failure] of [
      ["refused", "ECONNREFUSED"],
      ["unreachable", "EHOSTUNREACH"],
      ["drop", "ETIMEDOUT"],
    ] as const) {
      const { client, simulation } = tcpPair({ onConnection: (held) => held.refuse(how) });
      simulation.runUntil(() => client.closed, 40_000);
      assert.equal(client.failure, failure);
    }
  });

  test("nobody listening at all is ECONNREFUSED", () => {
    const { client, simulation } = tcpPair({ bob: { onConnection: undefined } });
    simulation.runUntil(() => client.closed, 1000);
    assert.equal(client.failure, "ECONNREFUSED");
  });

  test("a SYN is answered only after the application decided, and asked about once", () => {
    const questions: HeldConnection<Peer>[] = [];
    const { client, simulation } = tcpPair({ onConnection: (held) => questions.push(held) });
    simulation.advance(4000);
    assert.equal(questions.length, 1);
    assert.equal(client.connected, false);
    const connection = questions[0]!.accept();
    assert.ok(connection);
    const server = new Transfer(connection, 5);
    simulation.runUntil(() => client.connected && server.connected, 1000);
    assert.equal(client.connected, true);
    assert.equal(questions[0]!.accept(), undefined);
  });

  test("half-close: one side finishes, the other goes on for a long time", () => {
    const { client, server, simulation } = tcpPair({ clientBytes: 1000, finish: false });
    simulation.runUntil(() => server().received === 1000, 1000);
    client.connection.finishWriting();
    simulation.runUntil(() => server().ended, 1000);
    simulation.advance(10 * 60_000);
    const reply = Buffer.alloc(50_000, 7);
    assert.equal(server().connection.write(reply), reply.length);
    simulation.runUntil(() => client.received === reply.length, 10_000);
    assert.equal(client.received, reply.length);
    server().connection.finishWriting();
    simulation.runUntil(() => client.closed && server().closed, 1000);
    assert.deepEqual([client.failure, server().failure], [undefined, undefined]);
  });

  test("abort resets the other side after what was sent before has arrived", () => {
    const { client, server, simulation } = tcpPair({ clientBytes: 5000, finish: false });
    simulation.runUntil(() => server().received === 5000, 1000);
    client.connection.abort();
    simulation.runUntil(() => server().closed, 1000);
    assert.equal(server().failure, "ECONNRESET");
  });

  test("closing with unread data resets, closing without lets the FIN handshake finish", () => {
    for (const unread of [true, false]) {
      const { client, server, simulation, aliceDevice } = tcpPair({ serverBytes: 3000, finish: false });
      client.reading = !unread;
      simulation.advance(500);
      client.connection.close();
      simulation.advance(500);
      if (unread) {
        assert.equal(server().failure, "ECONNRESET");
      } else {
        assert.equal(server().ended, true);
        server().connection.finishWriting();
        simulation.advance(20_000);
        assert.deepEqual([server().closed, server().failure], [true, undefined]);
      }
      assert.equal(aliceDevice.stack.connectionCount, 0);
    }
  });

  test("data that arrives after close is answered with a reset", () => {
    const { client, server, simulation } = tcpPair({ finish: false });
    simulation.advance(100);
    client.connection.close();
    simulation.advance(100);
    server().connection.write(Buffer.from("too late"));
    simulation.advance(100);
    assert.equal(server().failure, "ECONNRESET");
  });

  test("an orphan whose peer never closes is given up after a minute", () => {
    const { client, simulation, aliceDevice } = tcpPair({ finish: false });
    simulation.advance(100);
    client.connection.close();
    simulation.advance(59_000);
    assert.equal(aliceDevice.stack.connectionCount, 1);
    simulation.advance(3000);
    assert.equal(aliceDevice.stack.connectionCount, 0);
  });

  test("an orphan with data that the peer does not take is given up too, one that it takes slowly is not", () => {
    for (const slowly of [false, true]) {
      const { client, server, simulation, aliceDevice } = tcpPair({ clientBytes: 1_000_000, finish: false });
      server().reading = false;
      simulation.advance(5000);
      client.connection.close();
      // What is left takes the slow reader far longer than an orphan without progress lives.
      for (let second = 0; second < 260; second += 1) {
        if (slowly) server().read(4000);
        simulation.advance(1000);
      }
      assert.equal(aliceDevice.stack.connectionCount, 0);
      if (!slowly) assert.equal(server().failure, "ECONNRESET");
      else
        assert.deepEqual([server().received, server().firstWrong, server().ended], [client.sent, -1, true]);
    }
  });

  test("an accepted connection whose peer never confirms ends with ETIMEDOUT", () => {
    let server: Transfer | undefined;
    const { simulation, alice } = tcpPair({
      onConnection: (held) => {
        alice.link.loss = 1;
        server = new Transfer(held.accept()!, 0);
      },
    });
    simulation.advance(29_000);
    assert.equal(server?.closed, false);
    simulation.advance(2000);
    assert.equal(server?.failure, "ETIMEDOUT");
  });

  test("an hour of silence changes nothing", () => {
    const { client, server, simulation, alice, bob } = tcpPair({ clientBytes: 100, finish: false });
    simulation.advance(1000);
    alice.sent = [];
    bob.sent = [];
    simulation.advance(HOUR_MS);
    // WireGuard's own goodbye keepalive apart, nothing is on the wire.
    assert.ok(alice.sent.length + bob.sent.length <= 4);
    client.connection.write(Buffer.from([100, 101]));
    server().connection.write(Buffer.from([0]));
    simulation.advance(1000);
    assert.deepEqual([server().received, server().firstWrong, client.received], [102, -1, 1]);
  });

  test("keepalive finds a dead peer, and only with probes unanswered", () => {
    const { client, simulation, alice, server } = tcpPair({ finish: false });
    client.connection.setKeepAlive(30_000);
    simulation.advance(HOUR_MS);
    assert.equal(client.closed, false);
    alice.link.loss = 1;
    simulation.advance(30_000 + 9 * 10_000 + 1000);
    assert.equal(client.failure, "ETIMEDOUT");
    assert.equal(server().closed, false);
  });

  test("a peer that vanishes with data in flight is given up within ten minutes, not within six", () => {
    const { client, simulation, bob, server } = tcpPair({ finish: false });
    simulation.advance(100);
    bob.link.loss = 1;
    client.connection.write(Buffer.alloc(5000));
    simulation.advance(400_000);
    assert.equal(client.closed, false);
    simulation.advance(200_000);
    assert.equal(client.failure, "ETIMEDOUT");
    assert.equal(server().failure, undefined);
  });

  test("a stalled reader stops the writer at its window, for as long as it likes, and goes on later", () => {
    const { client, server, simulation } = tcpPair({ clientBytes: 20_000_000, link: { delayMs: 5 } });
    simulation.runUntil(() => server().received > 5_000_000, 60_000);
    server().reading = false;
    simulation.advance(5000);
    const { receiver } = server().connection;
    const heldBytes = receiver.heldBytes;
    assert.ok(heldBytes <= receiver.limitBytes, `${heldBytes} held, ${receiver.limitBytes} allowed`);
    assert.ok(receiver.limitBytes <= MAX_RECEIVE_WINDOW_BYTES);
    simulation.advance(HOUR_MS);
    assert.equal(client.closed, false);
    assert.equal(receiver.heldBytes, heldBytes);
    server().reading = true;
    server().read();
    assert.ok(simulation.runUntil(() => client.closed && server().closed, 60_000));
    assert.deepEqual([server().received, server().firstWrong], [20_000_000, -1]);
  });

  test("a FIN waits for room like everything else, and a full reader is no dead peer", () => {
    const { client, server, simulation } = tcpPair({ finish: false });
    simulation.advance(100);
    server().reading = false;
    const { connection } = client;
    // Fills the window to the last byte.
    let written = 0;
    for (let round = 0; round < 50; round += 1) {
      const room = connection.sender.windowEnd - connection.sender.una - connection.sender.buffer.length;
      if (room > 0)
        written += connection.write(patternBytes(written, Math.min(room, connection.writableBytes)));
      simulation.advance(200);
    }
    assert.equal(server().connection.receiver.heldBytes, written);
    connection.finishWriting();
    simulation.advance(HOUR_MS);
    assert.deepEqual([client.closed, server().ended], [false, false]);
    server().reading = true;
    server().read();
    simulation.advance(120_000);
    assert.deepEqual([server().received, server().firstWrong, server().ended], [written, -1, true]);
  });

  test("a window update that gets lost is asked for by a probe", () => {
    const { client, server, simulation, bob } = tcpPair({ clientBytes: 3_000_000 });
    simulation.runUntil(() => server().received > 1000, 1000);
    server().reading = false;
    simulation.advance(10_000);
    bob.link.loss = 1;
    server().reading = true;
    server().read();
    simulation.advance(1000);
    bob.link.loss = 0;
    assert.ok(simulation.runUntil(() => client.closed && server().closed, 200_000));
    assert.equal(server().received, 3_000_000);
  });

  test("a reader that takes little at a time is not fed silly segments", () => {
    const { server, simulation, alice } = tcpPair({ clientBytes: 1_000_000 });
    simulation.runUntil(() => server().received > 1000, 1000);
    server().reading = false;
    simulation.advance(1000);
    alice.sent = [];
    for (let i = 0; i < 2000; i += 1) {
      server().read(100);
      simulation.advance(10);
    }
    const data = alice.sent.filter((datagram) => datagram.length > 150);
    const averageBytes = data.reduce((sum, datagram) => sum + datagram.length, 0) / data.length;
    assert.ok(data.length > 100 && averageBytes > 1200, `${data.length} segments of ${averageBytes} bytes`);
  });

  test("keys are renewed in the middle of a transfer without a stall", () => {
    const { client, server, simulation, alice } = tcpPair({
      clientBytes: 40_000_000,
      link: { delayMs: 10, megabitsPerSecond: 2 },
    });
    alice.sent = [];
    assert.ok(simulation.runUntil(() => client.closed && server().closed, 400_000));
    assert.deepEqual([server().received, server().firstWrong], [40_000_000, -1]);
    assert.ok(alice.sent.filter((bytes) => bytes[0] === MESSAGE_INITIATION).length >= 1);
    // 40 MB at 2 Mbit/s with all headers take 168 s.
    assert.ok(simulation.nowMs < 185_000, `${simulation.nowMs} ms`);
  });

  test("a thousand streams at once all arrive", () => {
    const streams = 1000;
    const bytes = 20_000;
    const servers: Transfer[] = [];
    const peers = twoPeers({
      link: { delayMs: 10, megabitsPerSecond: 1000, loss: 0.01, queueBytes: 4 << 20 },
      bob: {
        onConnection: (held) => {
          const connection = held.accept();
          if (connection !== undefined) servers.push(new Transfer(connection, bytes));
        },
      },
    });
    const clients: Transfer[] = [];
    for (let i = 0; i < streams; i += 1) {
      const opened = peers.aliceDevice.stack.connect(peers.bobAddress, 80, 30_000);
      assert.ok(opened.ok);
      clients.push(new Transfer(opened.connection, bytes));
    }
    const all = () => servers.length === streams && [...clients, ...servers].every((end) => end.closed);
    assert.ok(peers.simulation.runUntil(all, 120_000));
    for (const end of [...clients, ...servers]) {
      assert.deepEqual([end.received, end.firstWrong, end.failure], [bytes, -1, undefined]);
    }
    peers.simulation.advance(10_000);
    assert.equal(peers.aliceDevice.stack.connectionCount + peers.bobDevice.stack.connectionCount, 0);
  });

  test("both ends dialing each other on the same ports become one connection", () => {
    const peers = twoPeers({ bobKnowsEndpoint: true });
    const one = peers.aliceDevice.stack.connect(peers.bobAddress, 80, 30_000);
    assert.ok(one.ok);
    const { localPort } = one.connection.endpoints;
    // The same four-tuple from the other side: what a simultaneous open needs (RFC 9293 §3.5, figure 7).
    const two = peers.bobDevice.stack.connect(peers.aliceAddress, localPort, 30_000, 80);
    assert.ok(two.ok);
    const a = new Transfer(one.connection, 10_000);
    const b = new Transfer(two.connection, 20_000);
    assert.ok(peers.simulation.runUntil(() => a.closed && b.closed, 20_000));
    assert.deepEqual([a.received, b.received, a.failure, b.failure], [20_000, 10_000, undefined, undefined]);
  });
});

suite("tcp/connection against forged segments (RFC 5961)", () => {
  /** Hands bob's connection a segment as if it came from alice. */
  function forged(change: Partial<TcpSegment>) {
    const pair = tcpPair({ clientBytes: 1000, finish: false });
    pair.simulation.advance(500);
    const { connection } = pair.server();
    const segment = new TcpSegment();
    Object.assign(segment, {
      sequence: connection.receiver.next,
      acknowledgment: connection.sender.next,
      flags: 0x10,
      window: 1000,
      ...change,
    });
    return { ...pair, connection, segment, next: connection.receiver.next };
  }
  const nothing = new Uint8Array(0);

  test("a reset inside the window but not at its edge only draws a challenge", () => {
    const { connection, segment, next, server, simulation, bob } = forged({});
    segment.flags = RST;
    segment.sequence = (next + 1) | 0;
    const before = bob.datagramsSent;
    connection.receive(segment, nothing);
    simulation.advance(100);
    assert.equal(server().closed, false);
    assert.equal(bob.datagramsSent, before + 1);
    segment.sequence = next;
    connection.receive(segment, nothing);
    simulation.advance(100);
    assert.equal(server().failure, "ECONNRESET");
  });

  test("challenges are limited", () => {
    const { connection, segment, next, simulation, bob } = forged({ flags: RST });
    segment.sequence = (next + 5) | 0;
    const before = bob.datagramsSent;
    for (let i = 0; i < 500; i += 1) {
      connection.receive(segment, nothing);
      simulation.advance(0.1);
    }
    assert.ok(bob.datagramsSent - before <= 20, `${bob.datagramsSent - before} challenges`);
  });

  test("a SYN in a live connection does not disturb it", () => {
    const { connection, segment, server, simulation, client } = forged({ flags: 0x02 });
    connection.receive(segment, nothing);
    simulation.advance(100);
    assert.equal(server().closed, false);
    client.connection.write(Buffer.from([1000 & 0xff]));
    simulation.advance(1000);
    assert.equal(server().received, 1001);
  });

  test("data that acknowledges what was never sent is not taken", () => {
    const { connection, segment, server, simulation } = forged({});
    segment.acknowledgment = (connection.sender.next + 1000) | 0;
    segment.payloadEnd = 3;
    connection.receive(segment, Uint8Array.of(1, 2, 3));
    simulation.advance(100);
    assert.equal(server().received, 1000);
  });

  test("of a segment across the window's edge only the part inside is kept, and not its FIN", () => {
    const { connection, segment, simulation } = forged({ flags: 0x10 | FIN });
    segment.sequence = (connection.receiver.windowEnd - 1) | 0;
    segment.payloadEnd = 3;
    connection.receive(segment, Uint8Array.of(1, 2, 3));
    simulation.advance(100);
    assert.equal(connection.receiver.reassembly.bytes, 1);
    assert.equal(connection.receiver.finished, false);
  });

  test("data and FIN beyond the window are not taken", () => {
    const { connection, segment, server, simulation } = forged({ flags: 0x10 | FIN });
    segment.sequence = (connection.receiver.windowEnd + 1) | 0;
    segment.payloadEnd = 3;
    connection.receive(segment, Uint8Array.of(1, 2, 3));
    simulation.advance(100);
    assert.equal(server().received, 1000);
    assert.equal(server().ended, false);
  });
});
