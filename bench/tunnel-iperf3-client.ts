import { once } from "node:events";
import type { Dialer, TunnelSocket } from "@netbird-proxy/tunnel";

/**
 * As much of the iperf3 client as a TCP test needs, over any dialer: so that our sender and the kernel's meet the same
 * server, which does the measuring. Written against the messages `iperf3 -s` 3.12 exchanges.
 */

const PARAM_EXCHANGE = 9;
const CREATE_STREAMS = 10;
const TEST_START = 1;
const TEST_RUNNING = 2;
const TEST_END = 4;
const EXCHANGE_RESULTS = 13;
const DISPLAY_RESULTS = 14;
const IPERF_DONE = 16;
const COOKIE_CHARACTERS = "abcdefghijklmnopqrstuvwxyz234567";
const BLOCK_BYTES = 128 * 1024;

export interface Iperf3Result {
  /** Bytes that reached the receiving application, and how long that took there. */
  readonly bytes: number;
  readonly seconds: number;
  readonly megabitsPerSecond: number;
}

interface PeerResults {
  streams: { bytes: number; start_time: number; end_time: number }[];
}

/**
 * Runs one TCP stream for `seconds`.
 * @param direction "up": we send; "down": the server sends
 */
export async function runIperf3(
  dialer: Dialer,
  host: string,
  port: number,
  seconds: number,
  direction: "up" | "down",
): Promise<Iperf3Result> {
  const cookie = Buffer.from(
    `${Array.from({ length: 36 }, () => COOKIE_CHARACTERS[Math.floor(Math.random() * 32)]).join("")}\0`,
  );
  const control = new Control(await dialer.dialTcp({ host, port }));
  control.socket.write(cookie);
  await control.expect(PARAM_EXCHANGE);
  control.sendJson({
    tcp: true,
    omit: 0,
    time: seconds,
    num: 0,
    blockcount: 0,
    parallel: 1,
    len: BLOCK_BYTES,
    pacing_timer: 1000,
    client_version: "3.12",
    ...(direction === "down" ? { reverse: true } : {}),
  });
  await control.expect(CREATE_STREAMS);
  const data = await dialer.dialTcp({ host, port });
  data.on("error", () => {});
  data.write(cookie);
  await control.expect(TEST_START);
  await control.expect(TEST_RUNNING);
  const startMs = performance.now();
  const moved = direction === "up" ? await send(data, seconds) : await receive(data, seconds);
  const elapsed = (performance.now() - startMs) / 1000;
  control.sendState(TEST_END);
  await control.expect(EXCHANGE_RESULTS);
  control.sendJson({
    cpu_util_total: 0,
    cpu_util_user: 0,
    cpu_util_system: 0,
    sender_has_retransmits: -1,
    streams: [
      {
        id: 1,
        bytes: moved,
        retransmits: -1,
        jitter: 0,
        errors: 0,
        packets: 0,
        start_time: 0,
        end_time: elapsed,
      },
    ],
  });
  const theirs = (await control.readJson()) as PeerResults;
  await control.expect(DISPLAY_RESULTS);
  control.sendState(IPERF_DONE);
  control.socket.end();
  data.destroy();
  if (direction === "down") return result(moved, elapsed);
  const stream = theirs.streams[0]!;
  return result(stream.bytes, stream.end_time - stream.start_time);
}

function result(bytes: number, seconds: number): Iperf3Result {
  return { bytes, seconds, megabitsPerSecond: (bytes * 8) / 1e6 / seconds };
}

function send(socket: TunnelSocket, seconds: number): Promise<number> {
  const block = Buffer.alloc(BLOCK_BYTES, 0x5a);
  const endMs = performance.now() + seconds * 1000;
  let sent = 0;
  return new Promise((resolve) => {
    const write = () => {
      for (;;) {
        if (performance.now() >= endMs) {
          resolve(sent);
          return;
        }
        sent += block.length;
        if (!socket.write(block)) {
          socket.once("drain", write);
          return;
        }
      }
    };
    write();
  });
}

function receive(socket: TunnelSocket, seconds: number): Promise<number> {
  let received = 0;
  socket.on("data", (bytes: Buffer) => {
    received += bytes.length;
  });
  return new Promise((resolve) => setTimeout(() => resolve(received), seconds * 1000));
}

/** The control connection: one-byte states and JSON with a length in front. */
class Control {
  readonly socket: TunnelSocket;
  #buffered = Buffer.alloc(0);

  constructor(socket: TunnelSocket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, bytes]);
      socket.emit("control");
    });
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) await once(this.socket, "control");
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  async expect(state: number): Promise<void> {
    const got = (await this.#take(1))[0];
    if (got !== state) throw new Error(`iperf3 server is in state ${got}, not ${state}`);
  }

  async readJson(): Promise<unknown> {
    const length = (await this.#take(4)).readUInt32BE();
    return JSON.parse((await this.#take(length)).toString());
  }

  sendState(state: number): void {
    this.socket.write(Uint8Array.of(state));
  }

  sendJson(value: object): void {
    const text = Buffer.from(JSON.stringify(value));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    this.socket.write(Buffer.concat([length, text]));
  }
}
