import assert from "node:assert/strict";
import { address, BOB_V4, BOB_V6, prefix, twoPeers } from "../support/simulation.ts";

suite("stack/ip-stack", () => {
  test("echoes for its own addresses only, not for those behind it", () => {
    const { aliceDevice, bobDevice, bob, simulation } = twoPeers();
    aliceDevice.setPeer({
      publicKey: bobDevice.staticPublic,
      allowedIps: [prefix(`${BOB_V4}/32`), prefix(`${BOB_V6}/128`), prefix("10.77.0.0/16")],
    });
    let answers = 0;
    const count = (outcome: { ok: boolean }) => {
      if (outcome.ok) answers += 1;
    };
    aliceDevice.stack.ping(address(BOB_V4), 1000, count);
    aliceDevice.stack.ping(address(BOB_V6), 1000, count);
    simulation.advance(1000);
    assert.equal(answers, 2);
    const before = bob.datagramsSent;
    aliceDevice.stack.ping(address("10.77.0.1"), 1000, count);
    simulation.advance(1000);
    assert.deepEqual([answers, bob.datagramsSent], [2, before]);
  });

  test("a routing peer takes connections and flows for any address behind it", () => {
    const seen: string[] = [];
    const { aliceDevice, bobDevice, simulation } = twoPeers({
      bob: {
        onConnection: (held) => {
          seen.push(`tcp ${held.endpoints.localAddress.text}:${held.endpoints.localPort}`);
          held.accept();
        },
        onFlow: (held) => {
          seen.push(`udp ${held.endpoints.localAddress.text}:${held.endpoints.localPort}`);
          held.refuse("drop");
        },
      },
    });
    aliceDevice.setPeer({ publicKey: bobDevice.staticPublic, allowedIps: [prefix("0.0.0.0/0")] });
    aliceDevice.stack.connect(address("192.168.7.8"), 443, 1000);
    const opened = aliceDevice.stack.openFlow(address("192.168.7.9"), 53);
    assert.ok(opened.ok);
    aliceDevice.stack.sendDatagram(opened.flow, Uint8Array.of(1));
    simulation.advance(500);
    assert.deepEqual(seen.sort(), ["tcp 192.168.7.8:443", "udp 192.168.7.9:53"]);
  });

  test("a smaller MTU on the way is learnt from the router's complaint, and the transfer goes on", () => {
    const { aliceDevice, bobAddress, simulation, bobDevice } = twoPeers({
      bob: { onConnection: (held) => held.accept() },
    });
    const opened = aliceDevice.stack.connect(bobAddress, 80, 1000);
    assert.ok(opened.ok);
    simulation.advance(100);
    const { connection } = opened;
    connection.write(Buffer.alloc(100_000));
    connection.onPacketTooBig(1000, connection.sender.una);
    assert.equal(connection.sender.mss, 1380);
    connection.flush();
    connection.onPacketTooBig(1000, connection.sender.una);
    assert.equal(connection.sender.mss, 1000);
    // A complaint about something we did not send is not believed.
    connection.onPacketTooBig(500, (connection.sender.una - 5) | 0);
    assert.equal(connection.sender.mss, 1000);
    simulation.advance(5000);
    assert.equal(connection.sender.isIdle, true);
    assert.equal(bobDevice.stack.connectionCount, 1);
  });

  test("an unreachable target ends a dial, and does not end a connection that is up (RFC 5461)", () => {
    const { aliceDevice, bobAddress, simulation } = twoPeers({
      bob: { onConnection: (held) => held.accept() },
    });
    const opened = aliceDevice.stack.connect(bobAddress, 80, 1000);
    assert.ok(opened.ok);
    simulation.advance(100);
    opened.connection.write(Buffer.alloc(10));
    opened.connection.flush();
    opened.connection.onUnreachable("EHOSTUNREACH", opened.connection.sender.una);
    simulation.advance(1000);
    assert.equal(opened.connection.state, "established");
  });
});
