import assert from "node:assert/strict";
import { formatGoDuration, parseGoDuration } from "../../src/domain/go-duration.ts";

suite("Go durations", () => {
  const canonical = [
    ["30s", "30s"],
    ["60s", "1m0s"],
    ["120s", "2m0s"],
    ["3600s", "1h0m0s"],
    ["1.5h", "1h30m0s"],
    ["1500ms", "1.5s"],
    ["250ms", "250ms"],
    ["1us", "1µs"],
    ["1500ns", "1.5µs"],
    ["7ns", "7ns"],
    ["0", "0s"],
    ["-90s", "-1m30s"],
    ["+2m", "2m0s"],
    [".5s", "500ms"],
    ["2h45m30.25s", "2h45m30.25s"],
  ] as const;
  for (const [text, expected] of canonical) {
    test(`${text} is ${expected}`, () => assert.equal(formatGoDuration(parseGoDuration(text)!), expected));
  }

  test("what Go refuses is refused", () => {
    for (const text of ["", "30", "s", "1d", "1m 30s", "--1s", ".s", "1e3s", "99999999999h", "1S"]) {
      assert.equal(parseGoDuration(text), undefined, text);
    }
  });
});
