import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pipeStreams } from "../../src/forward/pipe-streams.ts";
import { eventually } from "../support/eventually.ts";

/** Two ends of a loopback connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  for (const socket of [near, far]) socket.on("error", () => {});
  return [near, far];
}

suite("two streams that carry each other's bytes", () => {
  let left: Socket;
  let right: Socket;
  let a: Socket;
  let b: Socket;
  let closed: number;
  setup(async () => {
    [left, a] = await socketPair();
    [b, right] = await socketPair();
    closed = 0;
  });
  teardown(() => {
    for (const socket of [left, a, b, right]) socket.destroy();
  });
  const onClosed = () => {
    closed += 1;
  };

  test("an end that goes away without ending and without an error looks like a reset to the other side", async () => {
    pipeStreams(a, b, onClosed);
    left.write("half an answer");
    await once(right, "data");
    const failed = once(right, "error");
    a.destroy();
    assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
    await eventually("both sides to be gone", () => closed === 1);
  });

  test("after both have ended nothing is left, and that is told once", async () => {
    const pipe = pipeStreams(a, b, onClosed);
    left.end("12345");
    right.end("678");
    left.resume();
    right.resume();
    await Promise.all([once(a, "close"), once(b, "close")]);
    assert.equal(pipe.bytes, 8);
    assert.equal(closed, 1);
  });

  test("a half-closed connection that moves nothing is given up; one that moves bytes is not", async () => {
    pipeStreams(a, b, onClosed, 100);
    left.end();
    right.on("end", () => {});
    right.resume();
    left.resume();
    for (let i = 0; i < 10; i += 1) {
      right.write("still here");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(closed, 0);
    await eventually("the connection to be given up", () => closed === 1);
    // It has our FIN already and reads no more, so it hears of the reset when it goes on writing.
    await eventually("the other side to notice", () => {
      right.write("anybody?");
      return right.errored !== null;
    });
  });

  // libuv refuses to reset a socket whose FIN is under way; Node then leaked the descriptor.
  test("a reset while a FIN is on its way leaves nothing behind", async () => {
    const pipe = pipeStreams(a, b, onClosed);
    left.resume();
    right.resume();
    b.end();
    pipe.reset();
    await eventually("both sides to be gone", () => closed === 1);
  });

  test("a reset resets both sides", async () => {
    const pipe = pipeStreams(a, b, onClosed);
    left.resume();
    right.resume();
    const failed = Promise.all([once(left, "error"), once(right, "error")]);
    pipe.reset();
    for (const [error] of await failed) assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
  });
});
