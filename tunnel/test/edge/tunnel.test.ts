import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { buffer } from "node:stream/consumers";
import {
  createDirectDialer,
  createTunnel,
  generatePrivateKey,
  publicKeyOf,
  type TunnelDatagramSocket,
} from "../../src/index.ts";
import { loopbackTunnels, SERVER_ADDRESS } from "../support/loopback-tunnels.ts";

const nextMessage = (socket: TunnelDatagramSocket) =>
  new Promise<string>((resolve) => socket.onMessage((bytes) => resolve(Buffer.from(bytes).toString())));

suite("edge/tunnel", () => {
  test("ping measures, and reports silence and missing routes", async () => {
    const tunnels = await loopbackTunnels();
    try {
      assert.ok((await tunnels.client.ping(SERVER_ADDRESS, 2000)) > 0);
      assert.ok((await tunnels.client.ping("fd00::2", 2000)) > 0);
      await assert.rejects(tunnels.client.ping("10.9.0.1", 50), { code: "ETIMEDOUT" });
      await assert.rejects(tunnels.client.ping("192.0.2.1", 50), { code: "EHOSTUNREACH" });
    } finally {
      await tunnels.close();
    }
  });

  test("UDP flows go both ways, and refusals come back as errors", async () => {
    const tunnels = await loopbackTunnels({
      onFlow: (incoming) => {
        if (incoming.localPort !== 53) {
          incoming.refuse("unreachable");
          return;
        }
        const socket = incoming.accept();
        socket.onMessage((bytes) => socket.send(Buffer.from(bytes).reverse()));
      },
    });
    try {
      const socket = await tunnels.client.dialUdp({ host: SERVER_ADDRESS, port: 53 });
      const answer = nextMessage(socket);
      socket.send(Buffer.from("abc"));
      assert.equal(await answer, "cba");
      for (const size of [1392, 1393, 9000, 65_507]) {
        const echo = nextMessage(socket);
        socket.send(Buffer.from("fragment".repeat(9000).slice(0, size)));
        assert.equal(await echo, [..."fragment".repeat(9000).slice(0, size)].reverse().join(""));
      }
      const large = new Promise<NodeJS.ErrnoException>((resolve) => socket.onError(resolve));
      socket.send(Buffer.alloc(65_508));
      assert.equal((await large).code, "EMSGSIZE");
      socket.close();
      const refused = await tunnels.client.dialUdp({ host: SERVER_ADDRESS, port: 54 });
      refused.onMessage(() => {});
      const failure = new Promise<NodeJS.ErrnoException>((resolve) => refused.onError(resolve));
      refused.send(Buffer.from("x"));
      assert.equal((await failure).code, "ECONNREFUSED");
    } finally {
      await tunnels.close();
    }
  });

  test("several devices share a port: initiations find theirs by key, packets by index", async () => {
    const shared = await createTunnel({ bindAddresses: ["127.0.0.1"] });
    const other = await createTunnel({ bindAddresses: ["127.0.0.1"] });
    try {
      const seen: string[] = [];
      const pairs = ["a", "b", "c"].map((name) => {
        const insideKey = generatePrivateKey();
        const outsideKey = generatePrivateKey();
        // The same overlay addresses in every device: accounts do not know of each other.
        const inside = shared.addDevice({
          privateKey: insideKey,
          addresses: ["10.0.0.2"],
          onConnection: (incoming) => {
            seen.push(name);
            incoming.accept().resume().end(name);
          },
        });
        const outside = other.addDevice({ privateKey: outsideKey, addresses: ["10.0.0.1"] });
        inside.setPeer({ publicKey: publicKeyOf(outsideKey), allowedIps: ["10.0.0.1/32"] });
        outside.setPeer({
          publicKey: publicKeyOf(insideKey),
          allowedIps: ["10.0.0.2/32"],
          endpoint: `127.0.0.1:${shared.port}`,
        });
        return { name, outside };
      });
      for (const { name, outside } of pairs) {
        const socket = await outside.dialTcp({ host: "10.0.0.2", port: 1 });
        assert.equal((await buffer(socket)).toString(), name);
        socket.end();
      }
      assert.deepEqual(seen, ["a", "b", "c"]);
    } finally {
      await shared.close();
      await other.close();
    }
  });

  test("repeating a peer's configuration does not undo roaming, changing it does", async () => {
    const tunnels = await loopbackTunnels();
    try {
      const peer = {
        publicKey: tunnels.server.publicKey,
        allowedIps: [`${SERVER_ADDRESS}/32`],
        endpoint: `127.0.0.1:${tunnels.serverTunnel.port}`,
      };
      await tunnels.client.ping(SERVER_ADDRESS, 2000);
      const clientEndpoint = `127.0.0.1:${tunnels.clientTunnel.port}`;
      assert.equal(tunnels.server.peers()[0]?.endpoint, clientEndpoint);
      const back = { publicKey: tunnels.client.publicKey, allowedIps: ["10.0.0.1/32"] };
      tunnels.server.setPeer(back);
      assert.equal(tunnels.server.peers()[0]?.endpoint, clientEndpoint);
      const elsewhere = { ...back, endpoint: "127.0.0.1:9" };
      tunnels.server.setPeer(elsewhere);
      await tunnels.client.ping(SERVER_ADDRESS, 2000).catch(() => {});
      assert.equal(tunnels.server.peers()[0]?.endpoint, clientEndpoint);
      tunnels.server.setPeer(elsewhere);
      assert.equal(tunnels.server.peers()[0]?.endpoint, clientEndpoint);
      tunnels.client.setPeer({ ...peer, endpoint: "127.0.0.1:9" });
      assert.equal(tunnels.client.peers()[0]?.endpoint, "127.0.0.1:9");
    } finally {
      await tunnels.close();
    }
  });

  test("a peer that cannot use UDP moves to a path and back", async () => {
    const tunnels = await loopbackTunnels();
    try {
      await tunnels.client.ping(SERVER_ADDRESS, 2000);
      // What a WebSocket does: whole datagrams, later, in order.
      const later = (deliver: (datagram: Uint8Array) => void) => (datagram: Uint8Array) => {
        const copy = datagram.slice();
        setTimeout(() => deliver(copy), 1);
      };
      const near = tunnels.clientTunnel.openPath(later((datagram) => far.receive(datagram)));
      const far = tunnels.serverTunnel.openPath(later((datagram) => near.receive(datagram)));
      const peer = { publicKey: tunnels.server.publicKey, allowedIps: [`${SERVER_ADDRESS}/32`] };
      tunnels.client.setPeer({ ...peer, endpoint: near.endpoint });
      await tunnels.client.ping(SERVER_ADDRESS, 2000);
      assert.equal(tunnels.server.peers()[0]?.endpoint, far.endpoint);
      assert.equal(tunnels.client.peers()[0]?.endpoint, near.endpoint);
      near.close();
      await assert.rejects(tunnels.client.ping(SERVER_ADDRESS, 50), { code: "ETIMEDOUT" });
      tunnels.client.setPeer({ ...peer, endpoint: `127.0.0.1:${tunnels.serverTunnel.port}` });
      await tunnels.client.ping(SERVER_ADDRESS, 2000);
      assert.equal(tunnels.server.peers()[0]?.endpoint, `127.0.0.1:${tunnels.clientTunnel.port}`);
    } finally {
      await tunnels.close();
    }
  });

  test("handshakes are announced and shown with their time", async () => {
    const tunnels = await loopbackTunnels();
    try {
      const announced = new Promise<Uint8Array>((resolve) => tunnels.server.onHandshake(resolve));
      const startMs = Date.now();
      await tunnels.client.ping(SERVER_ADDRESS, 2000);
      assert.deepEqual(await announced, tunnels.client.publicKey);
      const status = tunnels.client.peers()[0]!;
      assert.ok(status.latestHandshakeMs! >= startMs && status.latestHandshakeMs! <= Date.now());
      assert.ok(status.rxBytes > 0 && status.txBytes > 0);
    } finally {
      await tunnels.close();
    }
  });

  test("closing a device ends its streams with ECONNABORTED and the other side with ECONNRESET", async () => {
    const arrived: { resolve?: (socket: NodeJS.EventEmitter) => void } = {};
    const far = new Promise<NodeJS.EventEmitter>((resolve) => {
      arrived.resolve = resolve;
    });
    const tunnels = await loopbackTunnels({
      onConnection: (incoming) => arrived.resolve!(incoming.accept()),
    });
    try {
      const near = await tunnels.client.dialTcp({ host: SERVER_ADDRESS, port: 80 });
      const nearError = once(near, "error");
      const farError = once(await far, "error");
      await tunnels.client.close();
      assert.equal(((await nearError) as [NodeJS.ErrnoException])[0].code, "ECONNABORTED");
      assert.equal(((await farError) as [NodeJS.ErrnoException])[0].code, "ECONNRESET");
    } finally {
      await tunnels.close();
    }
  });

  test("bad configuration is refused by name", async () => {
    const tunnel = await createTunnel({ bindAddresses: ["127.0.0.1"] });
    try {
      const privateKey = generatePrivateKey();
      assert.throws(() => tunnel.addDevice({ privateKey: new Uint8Array(31), addresses: [] }), /privateKey/);
      assert.throws(() => tunnel.addDevice({ privateKey, addresses: ["10.0.0.300"] }), /10\.0\.0\.300/);
      assert.throws(
        () => tunnel.addDevice({ privateKey, addresses: ["10.0.0.1", "10.0.0.2"] }),
        /one address/,
      );
      assert.throws(() => tunnel.addDevice({ privateKey, addresses: [], mtu: 100 }), /mtu/);
      const device = tunnel.addDevice({ privateKey, addresses: ["10.0.0.1"] });
      const publicKey = publicKeyOf(generatePrivateKey());
      assert.throws(() => device.setPeer({ publicKey, allowedIps: ["x/8"] }), /x\/8/);
      assert.throws(
        () => device.setPeer({ publicKey, allowedIps: [], endpoint: "localhost:1" }),
        /localhost:1/,
      );
      assert.deepEqual(device.peers(), []);
    } finally {
      await tunnel.close();
    }
  });

  test("the same port is bound for both families, and a taken one is an error", async () => {
    const tunnel = await createTunnel();
    try {
      await assert.rejects(createTunnel({ port: tunnel.port }), { code: "EADDRINUSE" });
      // A host without IPv6 has one family to bind.
      const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
        list?.some(({ address }) => address === "::1"),
      );
      for (const host of hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
        await assert.rejects(
          createTunnel({ port: tunnel.port, bindAddresses: [host] }),
          { code: "EADDRINUSE" },
          host,
        );
      }
    } finally {
      await tunnel.close();
    }
  });
});

suite("edge/direct-dialer", () => {
  test("dials TCP and UDP of the host, with the same error codes", async () => {
    const dialer = createDirectDialer();
    const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const port = (server.address() as { port: number }).port;
    const udp = createSocket("udp4");
    udp.on("message", (bytes, from) => udp.send(bytes, from.port, from.address));
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    try {
      const socket = await dialer.dialTcp({ host: "127.0.0.1", port });
      socket.end("through the kernel");
      assert.equal((await buffer(socket)).toString(), "through the kernel");
      const flow = await dialer.dialUdp({ host: "127.0.0.1", port: udp.address().port });
      const answer = nextMessage(flow);
      flow.send(Buffer.from("datagram"));
      assert.equal(await answer, "datagram");
      flow.close();
      server.close();
      await once(server, "close");
      await assert.rejects(dialer.dialTcp({ host: "127.0.0.1", port }), { code: "ECONNREFUSED" });
      await assert.rejects(dialer.dialTcp({ host: "localhost", port }), { code: "EINVAL" });
      assert.ok((await dialer.ping("127.0.0.1", 1000)) >= 0);
    } finally {
      server.close();
      udp.close();
    }
  });
});
