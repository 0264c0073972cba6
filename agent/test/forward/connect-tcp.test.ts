import assert from "node:assert/strict";
import { connectTcp } from "../../src/forward/connect-tcp.ts";
import { silentListener } from "../support/silent-listener.ts";
import { closedPort, tcpService } from "../support/tcp-service.ts";

suite("connecting to a target", () => {
  test("connects to the first candidate that accepts", async () => {
    const service = await tcpService(() => {}, "127.0.0.2");
    const connected = await connectTcp(["127.0.0.1", "127.0.0.2"], { port: service.port, timeoutMs: 2_000 });
    assert.ok(connected.ok);
    assert.equal(connected.socket.remoteAddress, "127.0.0.2");
    connected.socket.destroy();
    await service.close();
  });

  test("a port without a service is refused", async () => {
    const connected = await connectTcp(["127.0.0.1"], { port: await closedPort(), timeoutMs: 2_000 });
    assert.deepEqual(connected, { ok: false, why: "refused", code: "ECONNREFUSED" });
  });

  test("refused says more than an address that this host cannot use", async () => {
    const port = await closedPort();
    const connected = await connectTcp(["127.0.0.1", "255.255.255.255"], { port, timeoutMs: 2_000 });
    assert.deepEqual(connected, { ok: false, why: "refused", code: "ECONNREFUSED" });
  });

  test("an address that cannot be routed is unreachable", async () => {
    // 240.0.0.0/4 is reserved (RFC 1112 §4); Linux refuses to send to its last address.
    const connected = await connectTcp(["255.255.255.255"], { port: 9, timeoutMs: 2_000 });
    assert.ok(!connected.ok);
    assert.ok(["unreachable", "local"].includes(connected.why), connected.code);
  });

  test("a target that never answers times out, and a slow one does not hold up the next candidate", async () => {
    const silent = await silentListener();
    const timedOut = await connectTcp(["127.0.0.1"], { port: silent.port, timeoutMs: 300 });
    assert.deepEqual(timedOut, { ok: false, why: "timeout", code: "ETIMEDOUT" });
    const other = await tcpService(() => {}, "127.0.0.2", silent.port);
    const connected = await connectTcp(["127.0.0.1", "127.0.0.2"], { port: silent.port, timeoutMs: 5_000 });
    assert.ok(connected.ok);
    assert.equal(connected.socket.remoteAddress, "127.0.0.2");
    connected.socket.destroy();
    await other.close();
    await silent.close();
  });

  test("an aborted attempt ends at once", async () => {
    const silent = await silentListener();
    const abort = new AbortController();
    const connecting = connectTcp(["127.0.0.1"], {
      port: silent.port,
      timeoutMs: 60_000,
      signal: abort.signal,
    });
    abort.abort();
    assert.equal((await connecting).ok, false);
    await silent.close();
  });
});
