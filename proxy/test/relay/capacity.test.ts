import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import type { Duplex } from "node:stream";
import type { TunnelDatagramSocket } from "@netbird-proxy/tunnel";
import { freePort } from "../../../scripts/stack/free-port.ts";
import type { AddressChecks } from "../../src/access/address-checks.ts";
import { accessPolicy } from "../../src/access/policy.ts";
import { Suspects } from "../../src/access/suspects.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { relayTcp } from "../../src/relay/tcp-relay.ts";
import { UdpRelay } from "../../src/relay/udp-relay.ts";
import type { LongLived, RelayTarget, Service } from "../../src/route/service.ts";
import { httpService } from "../support/mappings.ts";

const addressChecks: AddressChecks = {
  countryOf: undefined,
  reputation: undefined,
  suspects: new Suspects(),
  onFinding() {},
};

function service(id: string, dialer: Partial<RelayTarget["dialer"]>): Service {
  const policy = accessPolicy(httpService(id, `${id}.example.test`, "http://127.0.0.1/"));
  assert.ok(policy.ok);
  const relay: Partial<RelayTarget> = {
    host: "10.0.0.1",
    port: 1,
    dialTimeoutMs: 1000,
    idleTimeoutMs: 60_000,
    proxyProtocol: false,
    dialer: dialer as RelayTarget["dialer"],
    probe: { trafficFailed() {}, trafficSucceeded() {} } as unknown as RelayTarget["probe"],
  };
  return { id, access: policy.value, relay, longLived: new Set<LongLived>() } as unknown as Service;
}

suite("relays that are busy", () => {
  test("weakness 22: a service with as many connections as it may have closes nobody else's door", async () => {
    const echo = createServer((socket) => socket.on("error", () => {}).pipe(socket));
    await once(echo.listen(0, "127.0.0.1"), "listening");
    const { port } = echo.address() as AddressInfo;
    const dial = async () => connect({ host: "127.0.0.1", port }) as unknown as Duplex;
    const [busy, other] = ["busy", "other"].map((id) => service(id, { dial: dial as never }));
    for (let n = 0; n < 4096; n += 1) busy!.longLived.add({ destroy() {}, moved() {} });
    const parts = { metrics: new Metrics(), addressChecks, onEnd() {} };
    // Both behind one listener, as they are with TLS on one port.
    let next = busy!;
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      void relayTcp(socket, { address: "127.0.0.1", port: 1 }, next, parts);
    });
    await once(listener.listen(0, "127.0.0.1"), "listening");
    const visit = () => connect({ host: "127.0.0.1", port: (listener.address() as AddressInfo).port });
    try {
      const refused = visit().on("error", () => {});
      await once(refused, "close");
      next = other!;
      const served = visit();
      served.write("hello");
      assert.equal(String((await once(served, "data"))[0]), "hello");
      served.destroy();
    } finally {
      listener.close();
      echo.close();
    }
  });

  suite("weakness 14: UDP", () => {
    let port = 0;
    let relay: UdpRelay;
    let metrics: Metrics;
    let dialUdp: () => Promise<TunnelDatagramSocket>;
    let ends = 0;
    const sockets = new Set<UdpSocket>();
    setup(async () => {
      port = await freePort("udp");
      metrics = new Metrics();
      ends = 0;
      dialUdp = async () => echoing();
      const target = service("udp", { dialUdp: () => dialUdp() });
      relay = new UdpRelay({
        metrics,
        addressChecks,
        onEnd() {
          ends += 1;
        },
        maxFlows: 500,
        service: () => target,
      });
      await relay.bind(port, "127.0.0.1");
    });
    teardown(() => {
      relay.close();
      for (const socket of sockets) socket.close();
      sockets.clear();
    });

    async function client(address = "127.0.0.1"): Promise<UdpSocket> {
      const socket = createSocket("udp4");
      sockets.add(socket);
      socket.bind(0, address);
      await once(socket, "listening");
      return socket;
    }
    /** @returns the answer; undefined when there is none soon */
    async function ask(from: UdpSocket, text: string): Promise<string | undefined> {
      const answer = once(from, "message").then(([datagram]) => String(datagram));
      from.send(text, port, "127.0.0.1");
      return Promise.race([answer, new Promise<undefined>((resolve) => setTimeout(resolve, 200, undefined))]);
    }
    const sessions = async (result: string) => {
      const { values } = await metrics.udpSessions.get();
      return values
        .filter(({ labels }) => labels.result === result)
        .reduce((sum, { value }) => sum + value, 0);
    };
    /** One datagram from each of so many addresses of 127/8, all at once. */
    async function flood(count: number): Promise<void> {
      const forgers = await Promise.all(
        Array.from({ length: count }, (_, n) => client(`127.7.${n >> 8}.${n & 255}`)),
      );
      for (const [n, forger] of forgers.entries()) {
        forger.send("x", port, "127.0.0.1");
        // Read now and then: what is too much for the kernel's buffer would be lost.
        if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const forger of forgers) {
        forger.close();
        sockets.delete(forger);
      }
    }

    test("a flow whose target is slow to be dialled holds up no other", async () => {
      let dialled = 0;
      dialUdp = () => {
        dialled += 1;
        return dialled === 1 ? new Promise(() => {}) : Promise.resolve(echoing());
      };
      const [slow, quick] = [await client(), await client()];
      slow.send("first", port, "127.0.0.1");
      while (dialled === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.equal(await ask(quick, "second"), "re: second");
    });

    test("a flood from forged addresses ends no conversation, and shuts out nobody who has held one", async () => {
      const talking = await client();
      assert.equal(await ask(talking, "one"), "re: one");
      assert.equal(await ask(talking, "two"), "re: two");
      await flood(1500);
      assert.ok((await sessions("replaced")) > 0, "more came than there is room for");
      assert.equal(await ask(talking, "three"), "re: three");
      assert.equal(await ask(await client(), "once more"), "re: once more");
      // A stranger gets in as soon as there is room again, which is every millisecond, and takes a forger's place.
      const stranger = await client("127.0.0.9");
      let answer: string | undefined;
      for (let tries = 0; answer === undefined && tries < 20; tries += 1)
        answer = await ask(stranger, "hello");
      assert.equal(answer, "re: hello");
      assert.equal(ends, 0, "those who made room are not in the access log");
    }).timeout(20_000);
  });
});

function echoing(): TunnelDatagramSocket {
  let hear: (datagram: Uint8Array) => void = () => {};
  return {
    remoteAddress: "10.0.0.1",
    remotePort: 1,
    send: (datagram) => hear(Buffer.concat([Buffer.from("re: "), datagram])),
    onMessage: (listener) => {
      hear = listener;
    },
    onError() {},
    close() {},
  };
}
