import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import type { TunnelSocket } from "@netbird-proxy/tunnel";
import { codedError, type TargetDialer } from "../../src/forward/dial.ts";
import { type SendOptions, Upstream } from "../../src/forward/upstream.ts";

const limits = {
  maxIdleConnections: 4,
  idleTimeoutMs: 1000,
  tlsHandshakeTimeoutMs: 1000,
  maxInFlight: 0,
  maxHeaderBytes: 16_384,
};
const once200 = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

suite("weakness 17: the circuit of a target", () => {
  let dials = 0;
  /** What the next dial does; waits for as long as the promise does. */
  let dial: () => Promise<TunnelSocket>;
  let upstream: Upstream;
  const refuses = () => Promise.reject(codedError("ECONNREFUSED", "refused"));
  const server = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.end(once200)));
  const answers = async () =>
    connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }) as unknown as TunnelSocket;

  suiteSetup(() => once(server.listen(0, "127.0.0.1"), "listening"));
  suiteTeardown(() => server.close());
  setup(() => {
    dials = 0;
    dial = refuses;
    const dialer = {
      key: "test",
      dial: () => {
        dials += 1;
        return dial();
      },
    };
    upstream = new Upstream(
      { dialer: dialer as unknown as TargetDialer, host: "10.0.0.1", port: 80, tls: undefined },
      limits,
    ).acquire();
  });
  teardown(() => upstream.release());

  /** @returns the status, or the code of the failure */
  function ask(options: Partial<SendOptions> = {}): Promise<number | string> {
    return new Promise((resolve) => {
      let status = 0;
      upstream.send(
        { method: "GET", path: "/", headers: ["host", "a"], body: null, upgrade: undefined },
        {
          started() {},
          head: (code) => {
            status = code;
            return true;
          },
          data: () => true,
          complete: () => resolve(status),
          upgraded() {},
          failed: (error) => resolve((error as NodeJS.ErrnoException).code!),
        },
        { dialTimeoutMs: 1000, repeatable: true, reachedMs: Number.NEGATIVE_INFINITY, ...options },
      );
    });
  }
  const pause = () => new Promise((resolve) => setTimeout(resolve, 260));
  async function open(): Promise<void> {
    for (let n = 0; n < 3; n += 1) assert.equal(await ask(), "ECONNREFUSED");
    assert.ok(upstream.circuit.isOpen);
  }

  test("after three failures in a row nobody waits for a connection, and all are told the same", async () => {
    await open();
    const replies = await Promise.all(Array.from({ length: 50 }, () => ask()));
    assert.deepEqual(new Set(replies), new Set(["ECONNREFUSED"]));
    assert.equal(dials, 3);
  });

  test("one at a time tries again, and its success lets all the others in", async () => {
    await open();
    await pause();
    let release = () => {};
    dial = () =>
      new Promise((resolve) => {
        release = () => void answers().then(resolve);
      });
    const trial = ask();
    assert.deepEqual(await Promise.all([ask(), ask()]), ["ECONNREFUSED", "ECONNREFUSED"]);
    assert.equal(dials, 4);
    release();
    assert.equal(await trial, 200);
    dial = answers;
    assert.deepEqual(await Promise.all([ask(), ask()]), [200, 200]);
  });

  test("a trial that fails keeps it open", async () => {
    await open();
    await pause();
    assert.equal(await ask(), "ECONNREFUSED");
    assert.equal(await ask(), "ECONNREFUSED");
    assert.equal(dials, 4);
  });

  test("a probe that gets through closes it", async () => {
    await open();
    dial = answers;
    assert.equal(await ask({ reachedMs: performance.now() }), 200);
    assert.ok(!upstream.circuit.isOpen);
  });

  test("a probe says nothing about TLS", async () => {
    dial = () =>
      Promise.reject(Object.assign(codedError("ECONNREFUSED", "wrong certificate"), { tls: true }));
    await open();
    assert.equal(await ask({ reachedMs: performance.now() }), "ECONNREFUSED");
    assert.equal(dials, 3);
  });

  test("a success between failures starts the count anew", async () => {
    await ask();
    await ask();
    dial = answers;
    assert.equal(await ask(), 200);
    dial = refuses;
    await ask();
    await ask();
    assert.ok(!upstream.circuit.isOpen);
  });
});
