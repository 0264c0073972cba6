import assert from "node:assert/strict";
import {
  backedOffMs,
  INITIAL_RTO_MS,
  MAX_RTO_MS,
  MIN_RTO_MS,
  RoundTripTime,
} from "../../src/tcp/retransmit.ts";

suite("tcp/retransmit", () => {
  test("the timeout doubles with every expiry up to the ceiling", () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((n) => backedOffMs(200, n)),
      [200, 400, 800, 1600],
    );
    assert.equal(backedOffMs(200, 50), MAX_RTO_MS);
  });

  test("starts at one second and follows RFC 6298 (2.2) and (2.3)", () => {
    const rtt = new RoundTripTime();
    assert.equal(rtt.rtoMs, INITIAL_RTO_MS);
    rtt.sample(400, 0);
    assert.equal(rtt.smoothedMs, 400);
    assert.equal(rtt.rtoMs, 400 + 4 * 200);
    rtt.sample(800, 1);
    // RTTVAR = 3/4 * 200 + 1/4 * 400; SRTT = 7/8 * 400 + 1/8 * 800.
    assert.equal(rtt.smoothedMs, 450);
    assert.equal(rtt.rtoMs, 450 + 4 * 250);
  });

  test("a fast path still waits the minimum, and progress ends the backoff", () => {
    const rtt = new RoundTripTime();
    rtt.sample(0, 0);
    assert.equal(rtt.measured, true);
    assert.equal(rtt.rtoMs, MIN_RTO_MS);
    rtt.backOff();
    rtt.backOff();
    assert.equal(rtt.rtoMs, MIN_RTO_MS * 4);
    rtt.progress();
    assert.equal(rtt.rtoMs, MIN_RTO_MS);
  });
});
