import assert from "node:assert/strict";
import { ThrottledLog } from "../../src/forward/throttled-log.ts";
import { captureLog } from "../support/captured-log.ts";

suite("repeated warnings", () => {
  test("are written once per interval, and then with their number", () => {
    const { log, lines } = captureLog();
    let nowMs = 0;
    const throttled = new ThrottledLog(log, () => nowMs);
    for (let i = 0; i < 5; i += 1) throttled.warn("a", { port: 1 }, "denied");
    throttled.warn("b", { port: 2 }, "denied");
    assert.deepEqual(
      lines.map(({ port, count }) => [port, count]),
      [
        [1, undefined],
        [2, undefined],
      ],
    );
    nowMs = 30_000;
    throttled.warn("a", { port: 1 }, "denied");
    assert.equal(lines.at(-1)?.count, 5);
  });

  test("their memory is bounded", () => {
    const { log, lines } = captureLog();
    const throttled = new ThrottledLog(log, () => 0);
    for (let i = 0; i < 1_025; i += 1) throttled.warn(String(i), {}, "denied");
    throttled.warn("0", {}, "denied");
    assert.equal(lines.length, 1_026);
  });
});
