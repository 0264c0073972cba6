import assert from "node:assert/strict";
import { durationText, parseDurationMs, sameDuration } from "../../src/framework/duration.ts";

suite("durations", () => {
  test("are read as Go writes them", () => {
    const cases: [string, number | undefined][] = [
      ["30s", 30_000],
      ["1h30m", 5_400_000],
      ["1.5s", 1500],
      ["300ms", 300],
      ["0", 0],
      ["-1s", -1000],
      ["", undefined],
      ["30", undefined],
      ["30 s", undefined],
      ["s", undefined],
      ["1m30", undefined],
    ];
    for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text);
  });

  test("compare by length", () => {
    assert.ok(sameDuration("90s", "1m30s"));
    assert.ok(!sameDuration("90s", "1m31s"));
    assert.ok(!sameDuration("x", "x"), "what is no duration equals nothing");
  });

  test("are shown for people", () => {
    assert.deepEqual([850, 1000, 12_500, 120_000, 125_000].map(durationText), [
      "850 ms",
      "1 s",
      "12.5 s",
      "2 m",
      "2 m 5 s",
    ]);
  });
});
