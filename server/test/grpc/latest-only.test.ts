import assert from "node:assert/strict";
import { latestOnly } from "../../src/grpc/latest-only.ts";

suite("states for a slow client", () => {
  function slowClient() {
    const sent: string[] = [];
    const waiting: (() => void)[] = [];
    const failures: unknown[] = [];
    const outbox = latestOnly<string, string>({
      send: (state) =>
        new Promise((resolve) => {
          sent.push(state);
          waiting.push(resolve);
        }),
      encode: (state) => Buffer.from(state),
      failed: (error) => failures.push(error),
    });
    const takeOne = async () => {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { sent, outbox, takeOne, failures };
  }

  test("only the newest of each key waits", async () => {
    const { sent, outbox, takeOne } = slowClient();
    for (const state of ["a1", "a2", "a3"]) outbox.put("a", state);
    outbox.put("b", "b1");
    for (let n = 0; n < 4; n += 1) await takeOne();
    assert.deepEqual(sent, ["a1", "a3", "b1"]);
  });

  test("what the client has already is not sent again, until it is forgotten", async () => {
    const { sent, outbox, takeOne } = slowClient();
    for (const state of ["a1", "a1", "a2"]) {
      outbox.put("a", state);
      await takeOne();
    }
    outbox.forget("a");
    outbox.put("a", "a2");
    await takeOne();
    assert.deepEqual(sent, ["a1", "a2", "a2"]);
  });

  test("a client that is gone is reported once", async () => {
    const failures: unknown[] = [];
    const gone = new Error("gone");
    const outbox = latestOnly<string, string>({
      send: () => Promise.reject(gone),
      encode: (state) => Buffer.from(state),
      failed: (error) => failures.push(error),
    });
    outbox.put("a", "a1");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(failures, [gone]);
  });
});
