import assert from "node:assert/strict";
import { guessing } from "@netbird-proxy/proto";
import { AttemptLimiter, type Guess } from "../../src/access/attempt-limiter.ts";

const guess = (address: string, serviceId = "s"): Guess => ({ serviceId, method: "pin", address });
const ipv4 = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

suite("the attempt limiter", () => {
  test("gives an address some attempts at once, then a wait that doubles up to its longest", () => {
    const limiter = new AttemptLimiter();
    for (let left = guessing.free - 1; left >= 0; left -= 1)
      assert.deepEqual(limiter.take(guess("192.0.2.1"), 0), { ok: true, left });
    let nowMs = 0;
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const refused = limiter.take(guess("192.0.2.1"), nowMs);
      assert.ok(!refused.ok);
      waits.push(refused.waitSeconds);
      assert.ok(!limiter.take(guess("192.0.2.1"), nowMs + refused.waitSeconds * 1000 - 1).ok);
      nowMs += refused.waitSeconds * 1000;
      assert.deepEqual(limiter.take(guess("192.0.2.1"), nowMs), { ok: true, left: 0 });
    }
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
    assert.deepEqual(limiter.take(guess("192.0.2.1"), nowMs + guessing.forgottenMs), {
      ok: true,
      left: guessing.free - 1,
    });
  });

  test("counts an IPv6 network as one, and each service and method on its own", () => {
    const limiter = new AttemptLimiter();
    for (let n = 0; n < guessing.free; n += 1) assert.ok(limiter.take(guess(`2001:db8:1:2::${n + 1}`), 0).ok);
    assert.ok(!limiter.take(guess("2001:db8:1:2:3:4:5:6"), 0).ok);
    assert.ok(limiter.take(guess("2001:db8:1:3::1"), 0).ok);
    assert.ok(limiter.take(guess("2001:db8:1:2::1", "other"), 0).ok);
    assert.ok(limiter.take({ ...guess("2001:db8:1:2::1"), method: "password" }, 0).ok);
  });

  test("a right credential cleans the address; one that could not be checked does not count", () => {
    const limiter = new AttemptLimiter();
    for (let n = 0; n < 1_000; n += 1) {
      assert.ok(limiter.take(guess("192.0.2.1"), 0).ok);
      limiter.giveBack(guess("192.0.2.1"), { right: n % 2 === 0 });
    }
    for (let n = 1; n < guessing.free; n += 1) limiter.take(guess("192.0.2.1"), 0);
    limiter.take(guess("192.0.2.1"), 0);
    limiter.giveBack(guess("192.0.2.1"), { right: false });
    assert.deepEqual(limiter.take(guess("192.0.2.1"), 0), { ok: true, left: 0 });
    limiter.giveBack(guess("192.0.2.1"), { right: true });
    assert.deepEqual(limiter.take(guess("192.0.2.1"), 0), { ok: true, left: guessing.free - 1 });
  });

  // It held the newest 20,000 addresses: whoever had more was never counted twice.
  test("any number of addresses together get the budget of the service, and none of them is forgotten for it", () => {
    const limiter = new AttemptLimiter();
    for (let n = 0; n < guessing.free; n += 1) limiter.take(guess("192.0.2.1"), 0);
    let passed = 0;
    for (let n = 0; n < 50_000; n += 1) if (limiter.take(guess(ipv4(n)), 0).ok) passed += 1;
    assert.ok(passed < guessing.first.burst + guessing.again.burst, `${passed} passed`);
    assert.ok(limiter.size <= guessing.first.burst + guessing.again.burst, `${limiter.size} remembered`);
    assert.deepEqual(limiter.take(guess("192.0.2.1"), 1), { ok: false, waitSeconds: 10 });
    assert.ok(limiter.take(guess("192.0.2.7", "other"), 0).ok, "another service is not concerned");
    // And an hour later nothing is left of them.
    limiter.take(guess("192.0.2.9"), guessing.forgottenMs + 1);
    assert.equal(limiter.size, 1);
  });

  test("a first attempt passes while others have used up the rest", () => {
    const limiter = new AttemptLimiter();
    let passed = 0;
    for (let n = 0; n < 10_000; n += 1) if (limiter.take(guess(ipv4(n % 50)), 0).ok) passed += 1;
    assert.equal(passed, 50 + guessing.again.burst);
    assert.ok(limiter.take(guess("192.0.2.1"), 0).ok);
    assert.ok(!limiter.take(guess("192.0.2.1"), 0).ok, "only the first one is special");
  });

  test("keeps to what the server says", () => {
    const limiter = new AttemptLimiter();
    limiter.take(guess("192.0.2.1"), 0);
    limiter.wait(guess("192.0.2.1"), 42, 0);
    assert.deepEqual(limiter.take(guess("192.0.2.1"), 2_000), { ok: false, waitSeconds: 40 });
    assert.ok(limiter.take(guess("192.0.2.1"), 42_000).ok);
  });
});
