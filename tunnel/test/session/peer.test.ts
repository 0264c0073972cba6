import assert from "node:assert/strict";
import { privateKeyFromRandom, publicKeyOf } from "../../src/noise/keys.ts";
import {
  KEEPALIVE_TIMEOUT_MS,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_TIME_MS,
  REKEY_ATTEMPT_TIME_MS,
  REKEY_JITTER_MAX_MS,
  REKEY_TIMEOUT_MS,
} from "../../src/session/timers.ts";
import {
  INITIATION_BYTES,
  KEEPALIVE_BYTES,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  MESSAGE_TRANSPORT,
} from "../../src/wire/wireguard-message.ts";
import {
  ALICE_V4,
  address,
  BOB_V4,
  prefix,
  Simulation,
  type TwoPeers,
  twoPeers,
} from "../support/simulation.ts";
import { tcpPair } from "../support/tcp-pair.ts";

/** Pings from alice to bob and runs the simulation until the answer is there. */
function ping({ aliceDevice, bobAddress, simulation }: TwoPeers, timeoutMs = 4000): boolean {
  let outcome: boolean | undefined;
  aliceDevice.stack.ping(bobAddress, timeoutMs, (result) => {
    outcome = result.ok;
  });
  simulation.runUntil(() => outcome !== undefined, timeoutMs + 1);
  return outcome ?? false;
}

const ofType = (sent: Uint8Array[] | undefined, type: number) =>
  (sent ?? []).filter((bytes) => bytes[0] === type);

suite("session/peer", () => {
  test("the first packet waits for the handshake and arrives", () => {
    const peers = twoPeers();
    assert.equal(ping(peers), true);
    assert.notEqual(peers.aliceDevice.peers()[0]!.latestHandshakeMs, undefined);
    assert.notEqual(peers.bobDevice.peers()[0]!.latestHandshakeMs, undefined);
  });

  test("a lost initiation or response is asked for again after the rekey timeout", () => {
    for (const type of [MESSAGE_INITIATION, MESSAGE_RESPONSE]) {
      const peers = twoPeers();
      let drops = 1;
      const link = type === MESSAGE_INITIATION ? peers.alice.link : peers.bob.link;
      link.pass = (bytes) => bytes[0] !== type || drops-- <= 0;
      const startMs = peers.simulation.nowMs;
      assert.equal(ping(peers, 20_000), true);
      const tookMs = peers.simulation.nowMs - startMs;
      assert.ok(
        tookMs >= REKEY_TIMEOUT_MS && tookMs <= REKEY_TIMEOUT_MS + REKEY_JITTER_MAX_MS + 10,
        `${tookMs} ms`,
      );
    }
  });

  test("a dead peer is tried for 90 seconds, then left alone until there is something to send", () => {
    const peers = twoPeers();
    peers.alice.sent = [];
    peers.alice.link.loss = 1;
    assert.equal(ping(peers, 1000), false);
    peers.simulation.advance(REKEY_ATTEMPT_TIME_MS + 20_000);
    const tries = ofType(peers.alice.sent, MESSAGE_INITIATION).length;
    assert.ok(tries >= 16 && tries <= 19, `${tries} initiations`);
    peers.simulation.advance(3_600_000);
    assert.equal(ofType(peers.alice.sent, MESSAGE_INITIATION).length, tries);
    peers.alice.link.loss = 0;
    assert.equal(ping(peers), true);
  });

  test("a replayed initiation and a replayed packet are ignored", () => {
    const peers = twoPeers();
    peers.alice.sent = [];
    peers.bob.sent = [];
    assert.equal(ping(peers), true);
    const responses = ofType(peers.bob.sent, MESSAGE_RESPONSE).length;
    const { rxBytes } = peers.bobDevice.peers()[0]!;
    for (const datagram of peers.alice.sent) {
      peers.bob.engine.receive(datagram, peers.alice.endpoint, peers.simulation.nowMs + 100);
    }
    assert.equal(ofType(peers.bob.sent, MESSAGE_RESPONSE).length, responses);
    assert.equal(peers.bobDevice.peers()[0]!.rxBytes, rxBytes);
  });

  test("the initiator renews the session after two minutes of use, the responder never does", () => {
    const peers = twoPeers();
    peers.alice.sent = [];
    peers.bob.sent = [];
    assert.equal(ping(peers), true);
    for (let second = 0; second < 250; second += 1) {
      peers.simulation.advance(1000);
      assert.equal(ping(peers, 500), true, `second ${second}`);
    }
    assert.equal(ofType(peers.alice.sent, MESSAGE_INITIATION).length, 3);
    assert.equal(ofType(peers.bob.sent, MESSAGE_INITIATION).length, 0);
  });

  test("an idle session expires and the next packet makes a new one", () => {
    const peers = twoPeers();
    assert.equal(ping(peers), true);
    peers.alice.sent = [];
    peers.simulation.advance(REJECT_AFTER_TIME_MS + 1000);
    assert.equal(ofType(peers.alice.sent, MESSAGE_INITIATION).length, 0);
    assert.equal(ping(peers), true);
    assert.equal(ofType(peers.alice.sent, MESSAGE_INITIATION).length, 1);
  });

  test("an initiator that only receives renews before the session dies in its hands", () => {
    const peers = twoPeers({ alice: { onFlow: (held) => held.accept() } });
    assert.equal(ping(peers), true);
    peers.alice.sent = [];
    // Bob's datagrams are taken in silence; only alice's keepalives go the other way.
    for (let second = 0; second < 170; second += 1) {
      const opened = peers.bobDevice.stack.openFlow(peers.aliceAddress, 9);
      assert.ok(opened.ok);
      peers.bobDevice.stack.sendDatagram(opened.flow, Uint8Array.of(1));
      peers.simulation.advance(1000);
    }
    assert.ok(ofType(peers.alice.sent, MESSAGE_INITIATION).length >= 1);
  });

  /** Alice has sent one datagram that bob's application takes without a word. */
  function oneWay(): TwoPeers {
    const peers = twoPeers({ bob: { onFlow: (held) => held.accept() } });
    assert.equal(ping(peers), true);
    peers.simulation.advance(60_000);
    peers.alice.sent = [];
    peers.bob.sent = [];
    const opened = peers.aliceDevice.stack.openFlow(peers.bobAddress, 9);
    assert.ok(opened.ok);
    peers.aliceDevice.stack.sendDatagram(opened.flow, Uint8Array.of(1));
    return peers;
  }

  test("who received data and has nothing to say sends a keepalive after ten seconds", () => {
    const { simulation, bob, alice } = oneWay();
    simulation.advance(KEEPALIVE_TIMEOUT_MS - 10);
    assert.equal(bob.sent?.length, 0);
    simulation.advance(20);
    assert.deepEqual(
      bob.sent?.map((bytes) => bytes.length),
      [KEEPALIVE_BYTES],
    );
    simulation.advance(60_000);
    assert.equal(ofType(alice.sent, MESSAGE_INITIATION).length, 0);
  });

  test("who sent data and hears nothing for fifteen seconds starts a new handshake", () => {
    const { simulation, bob, alice } = oneWay();
    bob.link.loss = 1;
    simulation.advance(KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS - 10);
    assert.equal(ofType(alice.sent, MESSAGE_INITIATION).length, 0);
    simulation.advance(REKEY_JITTER_MAX_MS + 20);
    assert.equal(ofType(alice.sent, MESSAGE_INITIATION).length, 1);
  });

  test("persistent keepalive keeps an idle session up for an hour", () => {
    const peers = twoPeers();
    peers.aliceDevice.setPeer({
      publicKey: peers.bobDevice.staticPublic,
      allowedIps: [prefix(`${BOB_V4}/32`)],
      persistentKeepaliveSeconds: 25,
    });
    peers.alice.sent = [];
    peers.simulation.advance(3_600_000);
    const keepalives = ofType(peers.alice.sent, MESSAGE_TRANSPORT).length;
    const renewals = ofType(peers.alice.sent, MESSAGE_INITIATION).length;
    assert.ok(keepalives >= 3600 / 25 - 5 && keepalives <= 3600 / 25 + 40, `${keepalives} keepalives`);
    assert.ok(renewals >= 23 && renewals <= 31, `${renewals} handshakes`);
    assert.equal(ping(peers, 100), true);
  });

  test("an initiator that hears something just before its session dies renews it without waiting to speak", () => {
    const peers = twoPeers({ alice: { onFlow: (held) => held.accept() } });
    assert.equal(ping(peers), true);
    peers.simulation.advance(170_000);
    peers.alice.sent = [];
    const opened = peers.bobDevice.stack.openFlow(peers.aliceAddress, 9);
    assert.ok(opened.ok);
    peers.bobDevice.stack.sendDatagram(opened.flow, Uint8Array.of(1));
    peers.simulation.advance(1000);
    assert.equal(ofType(peers.alice.sent, MESSAGE_INITIATION).length, 1);
  });

  test("a handshake without anything to send is confirmed at once, so that the responder can speak first", () => {
    const peers = twoPeers();
    peers.aliceDevice.setPeer({
      publicKey: peers.bobDevice.staticPublic,
      allowedIps: [prefix(`${BOB_V4}/32`)],
      persistentKeepaliveSeconds: 25,
    });
    peers.simulation.advance(100);
    assert.equal(peers.bobDevice.peers()[0]!.hasSession, true);
  });

  test("traffic postpones persistent keepalives", () => {
    const peers = twoPeers();
    peers.aliceDevice.setPeer({
      publicKey: peers.bobDevice.staticPublic,
      allowedIps: [prefix(`${BOB_V4}/32`)],
      persistentKeepaliveSeconds: 25,
    });
    peers.simulation.advance(100);
    peers.alice.sent = [];
    for (let i = 0; i < 20; i += 1) {
      assert.equal(ping(peers), true);
      peers.simulation.advance(5000);
    }
    assert.equal(peers.alice.sent.filter((bytes) => bytes.length === KEEPALIVE_BYTES).length, 0);
  });

  test("an address change is followed with the first authenticated packet", () => {
    const peers = twoPeers();
    assert.equal(ping(peers), true);
    const moved = { address: "198.51.100.7", port: 4242 };
    const host = peers.simulation.addHost("198.51.100.7");
    assert.ok(host);
    // Alice's datagrams now come from elsewhere, and only what is sent there reaches her.
    peers.alice.visibleEndpoint = moved;
    Object.assign(peers.alice.endpoint, moved);
    assert.equal(ping(peers), true);
    assert.deepEqual(peers.bobDevice.peers()[0]!.endpoint, moved);
  });

  test("a forged packet from elsewhere does not move the endpoint", () => {
    const peers = twoPeers();
    peers.alice.sent = [];
    assert.equal(ping(peers), true);
    const packet = ofType(peers.alice.sent, MESSAGE_TRANSPORT).at(-1)!.slice();
    packet[packet.length - 1]! ^= 1;
    peers.bob.engine.receive(packet, { address: "203.0.113.9", port: 9 }, peers.simulation.nowMs);
    assert.deepEqual(peers.bobDevice.peers()[0]!.endpoint, { address: "192.0.2.1", port: 1 });
  });

  test("pre-shared keys must agree", () => {
    const presharedKey = new Uint8Array(32).fill(5);
    assert.equal(ping(twoPeers({ presharedKey })), true);
    const peers = twoPeers({ presharedKey });
    peers.bobDevice.setPeer({
      publicKey: peers.aliceDevice.staticPublic,
      presharedKey: new Uint8Array(32).fill(6),
      allowedIps: [prefix(`${ALICE_V4}/32`)],
    });
    assert.equal(ping(peers), false);
  });

  test("both sides starting at the same moment end up with a working session", () => {
    const peers = twoPeers({ bobKnowsEndpoint: true });
    let answers = 0;
    const count = (result: { ok: boolean }) => {
      if (result.ok) answers += 1;
    };
    peers.aliceDevice.stack.ping(peers.bobAddress, 5000, count);
    peers.bobDevice.stack.ping(peers.aliceAddress, 5000, count);
    peers.simulation.runUntil(() => answers === 2, 5000);
    assert.equal(answers, 2);
    assert.ok(peers.simulation.nowMs < 1000);
  });

  test("an inner source address that is not the peer's is dropped", () => {
    const peers = twoPeers();
    peers.aliceDevice.stack.setAddresses([address("10.9.9.9")]);
    assert.equal(ping(peers, 1000), false);
  });

  test("removing a peer or its prefix ends the connections to it at once; repeating a configuration does not", () => {
    for (const remove of [true, false]) {
      const { client, server, simulation, aliceDevice, bobDevice } = tcpPair({ finish: false });
      simulation.advance(100);
      const config = {
        publicKey: bobDevice.staticPublic,
        allowedIps: [prefix(`${BOB_V4}/32`), prefix("10.1.0.0/16")],
      };
      aliceDevice.setPeer(config);
      aliceDevice.setPeer({ ...config, allowedIps: [prefix(`${BOB_V4}/32`)] });
      simulation.advance(100);
      assert.equal(client.closed, false);
      if (remove) aliceDevice.removePeer(bobDevice.staticPublic);
      else aliceDevice.setPeer({ ...config, allowedIps: [prefix("10.1.0.0/16")] });
      simulation.advance(100);
      assert.equal(client.failure, "EHOSTUNREACH");
      assert.equal(server().closed, false);
    }
  });

  test("a prefix that moved to another peer comes back when the first one is configured again", () => {
    const peers = twoPeers();
    assert.equal(ping(peers), true);
    const bobConfig = { publicKey: peers.bobDevice.staticPublic, allowedIps: [prefix(`${BOB_V4}/32`)] };
    peers.aliceDevice.setPeer(bobConfig);
    const other = publicKeyOf(privateKeyFromRandom(peers.simulation.random.bytes(32)));
    peers.aliceDevice.setPeer({ publicKey: other, allowedIps: [prefix(`${BOB_V4}/32`)] });
    assert.equal(ping(peers, 500), false);
    peers.aliceDevice.setPeer(bobConfig);
    assert.equal(ping(peers), true);
  });

  test("a removed peer is not answered and its session is gone", () => {
    const peers = twoPeers();
    assert.equal(ping(peers), true);
    peers.bobDevice.removePeer(peers.aliceDevice.staticPublic);
    assert.equal(ping(peers, 1000), false);
    assert.deepEqual(peers.bobDevice.peers(), []);
  });
});

suite("session/load", () => {
  test("a flood of initiations gets cookies, and whoever returns one still gets through", () => {
    const simulation = new Simulation(3);
    const bob = simulation.addHost("192.0.2.2");
    const bobKey = privateKeyFromRandom(simulation.random.bytes(32));
    const bobDevice = bob.engine.addDevice({ privateKey: bobKey, addresses: [address(BOB_V4)], mtu: 1420 });
    const alice = simulation.addHost("192.0.2.1");
    const aliceKey = privateKeyFromRandom(simulation.random.bytes(32));
    const aliceDevice = alice.engine.addDevice({
      privateKey: aliceKey,
      addresses: [address(ALICE_V4)],
      mtu: 1420,
    });
    aliceDevice.setPeer({
      publicKey: publicKeyOf(bobKey),
      allowedIps: [prefix(`${BOB_V4}/32`)],
      endpoint: bob.endpoint,
    });
    bobDevice.setPeer({ publicKey: publicKeyOf(aliceKey), allowedIps: [prefix(`${ALICE_V4}/32`)] });
    alice.sent = [];
    aliceDevice.stack.ping(address(BOB_V4), 100, () => {});
    const initiation = ofType(alice.sent, MESSAGE_INITIATION)[0]!;
    assert.equal(initiation.length, INITIATION_BYTES);
    // The flood: the same well-formed message, over and over, from an address that never answers.
    bob.sent = [];
    const flood = () => {
      for (let i = 0; i < 50; i += 1) {
        bob.engine.receive(initiation, { address: "203.0.113.1", port: i }, simulation.nowMs);
      }
      if (simulation.nowMs < 30_000) simulation.at(simulation.nowMs + 20, flood);
    };
    flood();
    let answered = false;
    aliceDevice.stack.ping(address(BOB_V4), 25_000, (outcome) => {
      answered = outcome.ok;
    });
    simulation.runUntil(() => answered, 25_000);
    assert.ok(ofType(bob.sent, MESSAGE_COOKIE_REPLY).length > 100, "cookies were sent");
    assert.equal(answered, true);
    assert.ok(aliceDevice.peers()[0]!.hasSession);
    assert.ok(simulation.nowMs < REKEY_AFTER_TIME_MS);
  });
});
