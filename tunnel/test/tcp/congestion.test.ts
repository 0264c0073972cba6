import assert from "node:assert/strict";
import { Congestion, INITIAL_WINDOW_SEGMENTS } from "../../src/tcp/congestion.ts";

const MSS = 1000;

/** Acknowledges one window's worth per round, `rounds` times. @returns the window after each round, in segments */
function grow(
  congestion: Congestion,
  rounds: number,
  rttMs: number | ((round: number) => number),
  startMs = 0,
): number[] {
  const windows: number[] = [];
  let sequence = 0;
  let nowMs = startMs;
  for (let round = 0; round < rounds; round += 1) {
    const rtt = typeof rttMs === "number" ? rttMs : rttMs(round);
    const segments = Math.floor(congestion.window / MSS);
    nowMs += rtt;
    for (let i = 0; i < segments; i += 1) {
      sequence += MSS;
      congestion.grow(MSS, rtt, rtt, nowMs, sequence, sequence + segments * MSS);
    }
    windows.push(Math.round(congestion.window / MSS));
  }
  return windows;
}

suite("tcp/congestion", () => {
  test("slow start doubles per round trip from ten segments", () => {
    assert.equal(new Congestion(MSS).window, INITIAL_WINDOW_SEGMENTS * MSS);
    assert.deepEqual(grow(new Congestion(MSS), 4, 50), [20, 40, 80, 160]);
  });

  test("a growing delay ends slow start before the queue overflows (HyStart++)", () => {
    const congestion = new Congestion(MSS);
    // The delay grows by 8 ms per round from the fourth on, as when a queue builds up.
    const windows = grow(congestion, 12, (round) => 50 + Math.max(0, round - 3) * 8);
    assert.ok(congestion.threshold < Number.POSITIVE_INFINITY);
    assert.ok(windows.at(-1)! < 700, `${windows}`);
  });

  test("a loss leaves 70 %, and CUBIC is back at the old window after K seconds", () => {
    const congestion = new Congestion(MSS);
    congestion.setWindow(400 * MSS);
    congestion.lose();
    assert.equal(congestion.threshold, 280 * MSS);
    congestion.setWindow(congestion.threshold);
    // K = cbrt(W_max * (1 - beta) / C) (RFC 9438 §4.2): cbrt(120 / 0.4) = 6.7 s.
    const before = grow(congestion, 50, 100);
    assert.ok(before.at(-1)! > 380 && before.at(-1)! < 402, `${before.at(-1)}`);
    const after = grow(congestion, 60, 100, 5000);
    assert.ok(after.at(-1)! > 410, `${after.at(-1)}`);
  });

  test("on a short path it grows at least as fast as Reno", () => {
    const congestion = new Congestion(MSS);
    congestion.setWindow(20 * MSS);
    congestion.lose();
    congestion.setWindow(congestion.threshold);
    // 14 segments, 1 ms: CUBIC alone would need seconds for what Reno's half segment per round gives in 20 ms.
    const windows = grow(congestion, 20, 1);
    assert.ok(windows.at(-1)! >= 20, `${windows}`);
  });

  test("a timeout starts over from one segment", () => {
    const congestion = new Congestion(MSS);
    congestion.setWindow(100 * MSS);
    congestion.timeOut();
    assert.deepEqual([congestion.window, congestion.threshold], [MSS, 70 * MSS]);
  });

  test("idleness halves what we knew per timeout, down to the initial window", () => {
    const congestion = new Congestion(MSS);
    congestion.setWindow(100 * MSS);
    congestion.idle(450, 200);
    assert.equal(congestion.window, 25 * MSS);
    congestion.idle(3_600_000, 200);
    assert.equal(congestion.window, INITIAL_WINDOW_SEGMENTS * MSS);
  });
});
