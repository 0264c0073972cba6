import assert from "node:assert/strict";
import { every } from "../../src/jobs/every.ts";

suite("a repeated job", () => {
  test("goes on after a failure, and stopping waits for the round under way", async () => {
    const errors: unknown[] = [];
    let rounds = 0;
    let finished = 0;
    const stop = every(
      1,
      "test",
      async () => {
        rounds += 1;
        if (rounds === 1) throw new Error("first round");
        await new Promise((resolve) => setTimeout(resolve, 5));
        finished += 1;
      },
      { error: (fields: unknown) => errors.push(fields) } as never,
    );
    while (rounds < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    await stop();
    assert.equal(errors.length, 1);
    assert.equal(finished, rounds - 1);
    const before = rounds;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(rounds, before);
  });
});
