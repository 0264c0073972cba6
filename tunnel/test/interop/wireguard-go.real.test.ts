import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Agent, request } from "undici";
import {
  createTunnel,
  type Device,
  type DeviceConfig,
  generatePrivateKey,
  type IncomingConnection,
  publicKeyOf,
  type Tunnel,
} from "../../src/index.ts";
import { type Exchange, exchangeAsDialer, exchangeAsListener, expectedSha256 } from "../support/exchange.ts";
import { LossyRelay } from "../support/lossy-relay.ts";
import { WireguardNamespace } from "../support/wireguard-namespace.ts";

const MEGABYTE = 1_000_000;
const OUR_V4 = "10.201.0.1";
const OUR_V6 = "fd01::1";
const THEIR_V4 = "10.201.0.2";
const THEIR_V6 = "fd01::2";
const PROGRAM = fileURLToPath(new URL("../support/linux-peer.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

interface Report {
  event: string;
  code?: string;
  receivedBytes?: number;
  sha256?: string;
}

/** The lines a child prints, one after the other. */
function reportsOf(child: ChildProcess): () => Promise<Report> {
  const queue: Report[] = [];
  const waiting: ((report: Report) => void)[] = [];
  let errors = "";
  child.stderr!.on("data", (text: Buffer) => {
    errors += text.toString();
  });
  child.once("exit", (code) => {
    for (const give of waiting.splice(0)) give({ event: `exit ${code}: ${errors}` });
  });
  createInterface(child.stdout!).on("line", (line) => {
    const report = JSON.parse(line) as Report;
    const give = waiting.shift();
    if (give === undefined) queue.push(report);
    else give(report);
  });
  return () => {
    const report = queue.shift();
    return report === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(report);
  };
}

interface World {
  readonly namespace: WireguardNamespace;
  readonly tunnel: Tunnel;
  readonly device: Device;
  readonly relay: LossyRelay | undefined;
  readonly nextReport: () => Promise<Report>;
  close(): Promise<void>;
}

interface WorldOptions {
  /** Who has the other's endpoint and so makes the first handshake. */
  readonly initiator: "we" | "they";
  readonly loss?: number;
  readonly presharedKey?: Uint8Array;
  readonly onConnection?: DeviceConfig["onConnection"];
  readonly onFlow?: DeviceConfig["onFlow"];
}

/** What a test left behind when it ran into its time limit. */
const openWorlds = new Set<() => Promise<void>>();

async function world(options: WorldOptions): Promise<World> {
  const namespace = new WireguardNamespace();
  const undo: (() => Promise<void> | void)[] = [() => namespace.down()];
  const close = async () => {
    openWorlds.delete(close);
    for (const step of undo.splice(0).reverse()) await step();
  };
  openWorlds.add(close);
  try {
    await namespace.up([`${THEIR_V4}/24`, `${THEIR_V6}/64`]);
    const privateKey = generatePrivateKey();
    const tunnel = await createTunnel({ bindAddresses: [namespace.hostAddress] });
    undo.push(() => tunnel.close());
    const device = tunnel.addDevice({
      privateKey,
      addresses: [OUR_V4, OUR_V6],
      onConnection: options.onConnection,
      onFlow: options.onFlow,
    });
    let ourEndpoint = `${namespace.hostAddress}:${tunnel.port}`;
    let theirEndpoint = `${namespace.peerAddress}:${namespace.port}`;
    let relay: LossyRelay | undefined;
    if (options.loss !== undefined) {
      const faults = { loss: options.loss, duplicate: 0.01, reorder: 0.02 };
      const opened = await LossyRelay.open(namespace.hostAddress, namespace.hostAddress, faults, 5);
      relay = opened.relay;
      undo.push(() => opened.relay.close());
      relay.setPeers(
        { address: namespace.hostAddress, port: tunnel.port },
        { address: namespace.peerAddress, port: namespace.port },
      );
      ourEndpoint = `${namespace.hostAddress}:${opened.rightPort}`;
      theirEndpoint = `${namespace.hostAddress}:${opened.leftPort}`;
    }
    const { presharedKey } = options;
    device.setPeer({
      publicKey: namespace.publicKey,
      presharedKey,
      allowedIps: [`${THEIR_V4}/32`, `${THEIR_V6}/128`],
      endpoint: options.initiator === "we" ? theirEndpoint : undefined,
    });
    namespace.setPeer(publicKeyOf(privateKey), `${OUR_V4}/32,${OUR_V6}/128`, {
      endpoint: options.initiator === "they" ? ourEndpoint : undefined,
      presharedKey,
      // Somebody has to speak first; a persistent keepalive makes wireguard-go do it.
      keepalive: options.initiator === "they" ? 25 : undefined,
    });
    const peer = namespace.spawn(process.execPath, ["--import", TSX, PROGRAM, "serve"]);
    const nextReport = reportsOf(peer);
    assert.equal((await nextReport()).event, "ready");
    if (options.initiator === "they") await handshake(device);
    return { namespace, tunnel, device, relay, nextReport, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function handshake(device: Device): Promise<void> {
  if (device.peers()[0]?.latestHandshakeMs !== undefined) return;
  await new Promise<void>((resolve) => device.onHandshake(() => resolve()));
}

/** Runs `use` in a world that is gone afterwards, whatever happened. */
async function inWorld(options: WorldOptions, use: (world: World) => Promise<void>): Promise<void> {
  const made = await world(options);
  try {
    await use(made);
  } finally {
    await made.close();
  }
}

function assertIs(exchange: Pick<Report, "receivedBytes" | "sha256">, bytes: number): void {
  assert.deepEqual(
    { receivedBytes: exchange.receivedBytes, sha256: exchange.sha256 },
    { receivedBytes: bytes, sha256: expectedSha256(bytes) },
  );
}

/** We dial the exchange server of the namespace. */
async function weDial({ device, nextReport }: World, host: string, up: number, down: number): Promise<void> {
  const socket = await device.dialTcp({ host, port: 7001 });
  const ours = await exchangeAsDialer(socket, up, down);
  assertIs(ours, down);
  const theirs = await nextReport();
  assert.equal(theirs.event, "done", JSON.stringify(theirs));
  assertIs(theirs, up);
}

/** A program in the namespace dials us. */
async function theyDial(
  { namespace }: World,
  host: string,
  up: number,
  down: number,
  ours: Promise<Exchange>,
) {
  const child = namespace.spawn(process.execPath, [
    "--import",
    TSX,
    PROGRAM,
    "dial",
    host,
    "8001",
    `${up}`,
    `${down}`,
  ]);
  const theirs = await reportsOf(child)();
  assert.equal(theirs.event, "done", JSON.stringify(theirs));
  assertIs(theirs, down);
  assertIs(await ours, up);
}

/** An `onConnection` whose first connection is answered as an exchange. */
function listener(): { onConnection: (incoming: IncomingConnection) => void; exchange: Promise<Exchange> } {
  let settle: (exchange: Promise<Exchange>) => void = () => {};
  const exchange = new Promise<Exchange>((resolve) => {
    settle = resolve;
  });
  return { onConnection: (incoming) => settle(exchangeAsListener(incoming.accept())), exchange };
}

suite("interop with wireguard-go and the Linux stack", function () {
  this.timeout(120_000);

  teardown(async () => {
    for (const close of [...openWorlds]) await close();
  });

  test("we initiate and dial: 50 MB each way arrive whole", () =>
    inWorld({ initiator: "we" }, (made) => weDial(made, THEIR_V4, 50 * MEGABYTE, 50 * MEGABYTE)));

  test("they initiate and dial: 50 MB each way arrive whole", () => {
    const { onConnection, exchange } = listener();
    return inWorld({ initiator: "they", onConnection }, (made) =>
      theyDial(made, OUR_V4, 50 * MEGABYTE, 50 * MEGABYTE, exchange),
    );
  });

  test("they initiate and we dial over IPv6, with a pre-shared key", () =>
    inWorld({ initiator: "they", presharedKey: generatePrivateKey() }, (made) =>
      weDial(made, THEIR_V6, 5 * MEGABYTE, 5 * MEGABYTE),
    ));

  test("we initiate and they dial over IPv6", () => {
    const { onConnection, exchange } = listener();
    return inWorld({ initiator: "we", onConnection }, async (made) => {
      await made.device.ping(THEIR_V6, 5000);
      await theyDial(made, OUR_V6, 5 * MEGABYTE, 5 * MEGABYTE, exchange);
    });
  });

  for (const percent of [1, 5]) {
    test(`10 MB each way arrive whole with ${percent} % lost, and datagrams reordered and repeated; we dial`, () =>
      inWorld({ initiator: "we", loss: percent / 100 }, async (made) => {
        await weDial(made, THEIR_V4, 10 * MEGABYTE, 10 * MEGABYTE);
        assert.ok(made.relay!.lost > 50);
      }));

    test(`10 MB each way arrive whole with ${percent} % lost, and datagrams reordered and repeated; they dial`, () => {
      const { onConnection, exchange } = listener();
      return inWorld({ initiator: "they", loss: percent / 100, onConnection }, async (made) => {
        await theyDial(made, OUR_V4, 10 * MEGABYTE, 10 * MEGABYTE, exchange);
        assert.ok(made.relay!.lost > 50);
      });
    });
  }

  test("a closed port, a reset and our own reset come through as what they are", () =>
    inWorld({ initiator: "we" }, async ({ device, nextReport }) => {
      await assert.rejects(device.dialTcp({ host: THEIR_V4, port: 9 }), { code: "ECONNREFUSED" });
      await assert.rejects(device.dialTcp({ host: "10.201.9.9", port: 9 }), { code: "EHOSTUNREACH" });

      const reset = await device.dialTcp({ host: THEIR_V4, port: 7003 });
      reset.write("hello");
      reset.resume();
      const [error] = (await once(reset, "error")) as [NodeJS.ErrnoException];
      assert.equal(error.code, "ECONNRESET");

      const ours = await device.dialTcp({ host: THEIR_V4, port: 7002 });
      ours.write("hello");
      await once(ours, "data");
      ours.resetAndDestroy();
      const theirs = await nextReport();
      assert.deepEqual([theirs.event, theirs.code], ["failed", "ECONNRESET"]);
    }));

  test("ping and UDP cross in both families", () =>
    inWorld({ initiator: "we" }, async ({ device }) => {
      for (const host of [THEIR_V4, THEIR_V6]) {
        assert.ok((await device.ping(host, 5000)) < 5000);
        const socket = await device.dialUdp({ host, port: 7006 });
        const answer = new Promise<string>((resolve) =>
          socket.onMessage((bytes) => resolve(Buffer.from(bytes).toString())),
        );
        socket.send(Buffer.from(`to ${host}`));
        assert.equal(await answer, `to ${host}`);
        // Larger than the MTU: in fragments both ways, cut by us and by the kernel.
        const large = Buffer.alloc(5000, `large datagram to ${host}`);
        const echo = new Promise<Buffer>((resolve) =>
          socket.onMessage((bytes) => resolve(Buffer.from(bytes))),
        );
        socket.send(large);
        assert.ok((await echo).equals(large));
        const closedPort = await device.dialUdp({ host, port: 9 });
        const refused = new Promise<NodeJS.ErrnoException>((resolve) => {
          closedPort.onMessage(() => {});
          closedPort.onError(resolve);
        });
        closedPort.send(Buffer.from("anyone?"));
        assert.equal((await refused).code, "ECONNREFUSED");
      }
    }));

  test("a kernel reader that stalls stops our writer with little in memory", () =>
    inWorld({ initiator: "we" }, async ({ device }) => {
      const socket = await device.dialTcp({ host: THEIR_V4, port: 7004 });
      const piece = Buffer.alloc(65_536);
      let written = 0;
      const write = () => {
        while (written < 200 * MEGABYTE) {
          written += piece.length;
          if (!socket.write(piece)) break;
        }
      };
      socket.on("drain", write);
      write();
      await new Promise((resolve) => setTimeout(resolve, 3000));
      assert.ok(written < 40 * MEGABYTE, `${written} bytes were taken`);
      const before = written;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assert.equal(written, before);
      socket.on("error", () => {});
      socket.destroy();
    }));

  test("undici talks HTTP to a kernel server through the tunnel", () =>
    inWorld({ initiator: "we" }, async ({ device }) => {
      const agent = new Agent({
        connect: (options, callback) => {
          device.dialTcp({ host: options.hostname, port: Number(options.port) }).then(
            (socket) => callback(null, socket as never),
            (error) => callback(error as Error, null),
          );
        },
      });
      try {
        for (let i = 0; i < 20; i += 1) {
          const answer = await request(`http://${THEIR_V4}:7005/page/${i}`, { dispatcher: agent });
          assert.equal(await answer.body.text(), `GET /page/${i}`);
        }
      } finally {
        await agent.destroy();
      }
    }));
});
