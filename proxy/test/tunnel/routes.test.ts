import assert from "node:assert/strict";
import { control } from "@netbird-proxy/proto/grpc";
import {
  type Device,
  generatePrivateKey,
  keyToBase64,
  type PeerConfig,
  type PeerStatus,
  publicKeyOf,
} from "@netbird-proxy/tunnel";
import { codedError } from "../../src/forward/dial.ts";
import { AccountTunnel } from "../../src/tunnel/account-tunnel.ts";
import { PrefixTable } from "../../src/tunnel/prefix-table.ts";

/** Remembers what it was told; who is alive and what answers is the test's to say. */
class FakeDevice implements Device {
  readonly publicKey = new Uint8Array(32);
  readonly configured = new Map<string, PeerConfig>();
  readonly handshakes = new Map<string, number>();
  readonly endpoints = new Map<string, string>();
  readonly dialled: string[] = [];
  readonly silent = new Set<string>();
  setPeer(peer: PeerConfig): void {
    this.configured.set(keyToBase64(peer.publicKey), peer);
  }
  removePeer(publicKey: Uint8Array): void {
    this.configured.delete(keyToBase64(publicKey));
  }
  setAddresses(): void {}
  peers(): PeerStatus[] {
    return [...this.configured.values()].map(({ publicKey }) => ({
      publicKey,
      endpoint: this.endpoints.get(keyToBase64(publicKey)),
      latestHandshakeMs: this.handshakes.get(keyToBase64(publicKey)),
      rxBytes: 0,
      txBytes: 0,
    }));
  }
  onHandshake(): void {}
  async close(): Promise<void> {}
  async dialTcp({ host, port }: { host: string; port: number }): Promise<never> {
    this.dialled.push(`${host}:${port}`);
    throw codedError("ECONNREFUSED", "refused");
  }
  async dialUdp(): Promise<never> {
    throw codedError("ECONNREFUSED", "refused");
  }
  async ping(host: string): Promise<number> {
    if (this.silent.has(host)) throw codedError("ETIMEDOUT", "silence");
    return 1;
  }
}

function peer(id: string, address: string): control.TunnelPeer {
  return control.TunnelPeer.fromPartial({
    peerId: id,
    publicKey: keyToBase64(publicKeyOf(generatePrivateKey())),
    allowedIps: [`${address}/32`],
  } as never);
}

const code = async (work: Promise<unknown>) =>
  work.then(
    () => "ok",
    (error: { code: string; reason?: string }) => error.reason ?? error.code,
  );

suite("ways into an account's overlay", () => {
  const a = peer("a", "100.64.0.2");
  const b = peer("b", "100.64.0.3");
  const state = (more: Partial<control.TunnelState> = {}) =>
    control.TunnelState.fromPartial({
      accountId: "acc",
      address: "100.64.0.1",
      peers: [a, b],
      ...more,
    } as never);
  const network = control.TunnelRoute.fromPartial({
    resourceId: "r1",
    prefix: "10.0.0.0/24",
    routers: [
      { peerId: "a", metric: 1 },
      { peerId: "b", metric: 2 },
    ],
  } as never);
  const make = (seenAt?: Record<string, string>) =>
    new AccountTunnel("acc" as never, async (text) => text, seenAt);

  test("weakness 20: before there is a tunnel every dial says why", async () => {
    const tunnel = make();
    assert.equal(await code(tunnel.dial("100.64.0.2", 80, 100)), "tunnel.peer_never_connected");
    assert.equal(tunnel.handshakeAgeSeconds("100.64.0.2"), -1);
  });

  test("an address nobody carries and a name nobody serves have no route", async () => {
    const tunnel = make();
    tunnel.apply(new FakeDevice(), state());
    assert.equal(await code(tunnel.dial("10.0.0.5", 80, 100)), "tunnel.no_route");
    assert.equal(await code(tunnel.dial("db.internal", 80, 100)), "tunnel.no_route");
    assert.equal(await code(tunnel.dial("100.64.0.2", 80, 100)), "ECONNREFUSED");
  });

  test("a network goes to its best router that is alive, and moves when that one falls silent or another comes", async () => {
    const device = new FakeDevice();
    const tunnel = make();
    const carrier = () =>
      [a, b].find(({ publicKey }) => device.configured.get(publicKey)?.allowedIps.includes("10.0.0.0/24"));
    device.handshakes.set(b.publicKey, Date.now());
    tunnel.apply(device, state({ routes: [network] }));
    // Nobody was known to be alive when the state came in for the first time.
    tunnel.chooseRouters();
    assert.equal(carrier()?.peerId, "b");
    device.handshakes.set(a.publicKey, Date.now());
    tunnel.peerAppeared(Uint8Array.from(Buffer.from(a.publicKey, "base64")));
    assert.equal(carrier()?.peerId, "a");
    device.silent.add("100.64.0.2");
    assert.equal(await code(tunnel.ping("10.0.0.5", 10)), "ETIMEDOUT");
    assert.equal(carrier()?.peerId, "b");
    assert.equal(await code(tunnel.ping("10.0.0.5", 10)), "ok", "the other router is asked now");
    tunnel.peerAppeared(Uint8Array.from(Buffer.from(a.publicKey, "base64")));
    assert.equal(carrier()?.peerId, "a");
    device.handshakes.set(a.publicKey, Date.now() - 200_000);
    assert.equal(tunnel.chooseRouters(), true);
    assert.equal(carrier()?.peerId, "b");
  });

  test("a domain resource is dialled at its virtual address, subdomains under a wildcard too", async () => {
    const device = new FakeDevice();
    const tunnel = make();
    const routers = [{ peerId: "a", metric: 1 }];
    tunnel.apply(
      device,
      state({
        routes: [
          control.TunnelRoute.fromPartial({
            prefix: "100.64.200.1/32",
            domain: "Db.Internal",
            routers,
          } as never),
          control.TunnelRoute.fromPartial({
            prefix: "100.64.200.2/32",
            domain: "*.apps.internal",
            routers,
          } as never),
        ],
      }),
    );
    await code(tunnel.dial("db.internal", 5432, 100));
    await code(tunnel.dial("x.apps.internal", 80, 100));
    assert.deepEqual(device.dialled, ["100.64.200.1:5432", "100.64.200.2:80"]);
    assert.equal(await code(tunnel.dial("apps.internal", 80, 100)), "tunnel.no_route");
  });

  test("the same state again tells the device nothing, a peer that is gone is removed", () => {
    const device = new FakeDevice();
    const tunnel = make();
    tunnel.apply(device, state());
    device.configured.clear();
    tunnel.apply(device, state());
    assert.equal(device.configured.size, 0);
    device.configured.set(b.publicKey, { publicKey: new Uint8Array(32), allowedIps: [] });
    tunnel.apply(device, state({ peers: [a] }));
    assert.equal(device.configured.has(b.publicKey), false);
  });

  test("a peer that dials us is called where it was seen last, and news of its place are told", () => {
    const device = new FakeDevice();
    const tunnel = make({ [a.publicKey]: "192.0.2.1:1000" });
    tunnel.apply(device, state());
    assert.equal(device.configured.get(a.publicKey)?.endpoint, "192.0.2.1:1000");
    const key = Uint8Array.from(Buffer.from(a.publicKey, "base64"));
    device.endpoints.set(a.publicKey, "192.0.2.1:1000");
    assert.equal(tunnel.peerAppeared(key), false);
    device.endpoints.set(a.publicKey, "198.51.100.1:2000");
    assert.equal(tunnel.peerAppeared(key), true);
    assert.deepEqual(tunnel.seenAt(), { [a.publicKey]: "198.51.100.1:2000" });
  });
});

suite("prefix table", () => {
  test("the longest prefix wins, families do not mix", () => {
    const table = new PrefixTable<string>();
    table.set("0.0.0.0/0", "default");
    table.set("10.0.0.0/8", "ten");
    table.set("10.1.2.0/24", "narrow");
    table.set("10.1.2.3/32", "host");
    table.set("2001:db8::/32", "six");
    table.set("nonsense", "never");
    assert.equal(table.get("192.0.2.1"), "default");
    assert.equal(table.get("10.9.9.9"), "ten");
    assert.equal(table.get("10.1.2.9"), "narrow");
    assert.equal(table.get("10.1.2.3"), "host");
    assert.equal(table.get("2001:db8:ffff::1"), "six");
    assert.equal(table.get("2001:db9::1"), undefined);
    assert.equal(table.get("a name"), undefined);
  });
});
