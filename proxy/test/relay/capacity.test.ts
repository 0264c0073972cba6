import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
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

  test("weakness 14: a flow whose target is slow to be dialled holds up no other", async () => {
    const port = await freePort("udp");
    let dialled = 0;
    const dialUdp = (): Promise<TunnelDatagramSocket> => {
      dialled += 1;
      if (dialled === 1) return new Promise(() => {});
      let hear: (datagram: Uint8Array) => void = () => {};
      return Promise.resolve({
        remoteAddress: "10.0.0.1",
        remotePort: 1,
        send: (datagram) => hear(Buffer.concat([Buffer.from("re: "), datagram])),
        onMessage: (listener) => {
          hear = listener;
        },
        onError() {},
        close() {},
      });
    };
    const target = service("udp", { dialUdp });
    const relay = new UdpRelay({
      metrics: new Metrics(),
      addressChecks,
      onEnd() {},
      service: () => target,
    });
    await relay.bind(port, "127.0.0.1");
    const [slow, quick] = [createSocket("udp4"), createSocket("udp4")];
    try {
      slow.send("first", port, "127.0.0.1");
      while (dialled === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      const answer = once(quick, "message");
      quick.send("second", port, "127.0.0.1");
      assert.equal(String((await answer)[0]), "re: second");
    } finally {
      slow.close();
      quick.close();
      relay.close();
    }
  });
});
