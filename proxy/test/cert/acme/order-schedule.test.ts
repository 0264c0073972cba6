import assert from "node:assert/strict";
import { OrderSchedule, type Validity } from "../../../src/cert/acme/order-schedule.ts";
import type { IssueFailure } from "../../../src/cert/acme/problem.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const ninetyDays = (fromMs: number): Validity => ({ notBeforeMs: fromMs, notAfterMs: fromMs + 90 * DAY_MS });

function failure(change: Partial<IssueFailure> = {}): IssueFailure {
  const base = { reason: "certificate.challenge_failed", message: "no", retryAfterMs: undefined } as const;
  return { ...base, scope: "name", counted: true, ...change };
}

function schedule(maxInFlight = 2): OrderSchedule {
  return new OrderSchedule({ maxInFlight, random: () => 0 });
}

suite("the schedule of orders", () => {
  test("weakness 29: a thousand new names wait in line, and no more than allowed are under way", () => {
    const orders = schedule(5);
    const names = new Set(Array.from({ length: 1000 }, (_, at) => `n${at}.test`));
    orders.want(names, 0);
    const done = new Set<string>();
    while (done.size < 1000) {
      const started = orders.tick(0);
      assert.ok(orders.inFlight <= 5);
      assert.ok(started.length > 0, "never stuck");
      for (const name of started) {
        assert.ok(!done.has(name), "one order each");
        done.add(name);
        orders.succeeded(name, ninetyDays(0));
      }
    }
    assert.deepEqual(orders.tick(0), []);
  });

  test("a certificate is renewed at two thirds of its lifetime, and served meanwhile", () => {
    const orders = schedule();
    orders.want(new Set(["a.test"]), 0);
    orders.tick(0);
    orders.succeeded("a.test", ninetyDays(0));
    assert.equal(orders.nextDeadlineMs(), 60 * DAY_MS);
    assert.deepEqual(orders.tick(60 * DAY_MS - 1), []);
    assert.deepEqual(orders.tick(60 * DAY_MS), ["a.test"]);
    assert.equal(orders.state("a.test", 60 * DAY_MS)!.kind, "ready");
  });

  test("what was issued together is not renewed together", () => {
    let next = 0;
    const tenths = () => {
      next += 0.4;
      return next % 1;
    };
    const orders = new OrderSchedule({ maxInFlight: 2, random: tenths });
    orders.want(new Set(["a.test", "b.test"]), 0);
    for (const name of orders.tick(0)) orders.succeeded(name, ninetyDays(0));
    assert.equal(orders.tick(60 * DAY_MS - 2 * DAY_MS).length, 1);
  });

  test("failures that the authority counts stay below five an hour", () => {
    const orders = schedule();
    orders.want(new Set(["a.test"]), 0);
    let attempts = 0;
    for (let nowMs = 0; nowMs < 60 * MINUTE_MS; nowMs += 1000) {
      for (const name of orders.tick(nowMs)) {
        attempts += 1;
        orders.failed(name, failure(), nowMs);
      }
    }
    assert.equal(attempts, 5);
    const state = orders.state("a.test", 60 * MINUTE_MS);
    assert.equal(state?.kind, "failed");
  });

  test("weakness 29: Retry-After is kept, and a limit of the authority holds every name back", () => {
    const orders = schedule();
    orders.want(new Set(["a.test", "b.test", "c.test"]), 0);
    const [first, second] = orders.tick(0);
    const limited = failure({
      reason: "certificate.rate_limited",
      scope: "authority",
      retryAfterMs: 3 * 3_600_000,
    });
    orders.failed(first!, limited, 0);
    orders.postponed(second!, 0);
    assert.deepEqual(orders.tick(3 * 3_600_000 - 1), []);
    assert.equal(orders.tick(3 * 3_600_000).length, 1, "one finds out whether it is over");
  });

  test("after an outage of the authority one order tries, and its success lets the others go", () => {
    const orders = schedule(3);
    orders.want(new Set(["a.test", "b.test", "c.test"]), 0);
    for (const name of orders.tick(0))
      orders.failed(name, failure({ scope: "authority", counted: false }), 0);
    const later = 10 * MINUTE_MS;
    const [name] = orders.tick(later);
    assert.deepEqual(orders.tick(later), []);
    orders.succeeded(name!, ninetyDays(later));
    assert.equal(orders.tick(later).length, 2);
  });

  test("a renewal that fails keeps the certificate in use, until it expires", () => {
    const orders = schedule();
    orders.want(new Set(["a.test"]), 0);
    orders.tick(0);
    orders.succeeded("a.test", ninetyDays(0));
    orders.tick(60 * DAY_MS);
    orders.failed("a.test", failure(), 60 * DAY_MS);
    const before = orders.state("a.test", 61 * DAY_MS);
    assert.equal(before?.kind, "ready");
    assert.equal(before.kind === "ready" && before.failure?.reason, "certificate.challenge_failed");
    assert.equal(orders.state("a.test", 90 * DAY_MS)?.kind, "failed");
  });

  test("nothing is ordered for a name that is not wanted any more", () => {
    const orders = schedule();
    orders.want(new Set(["a.test"]), 0);
    assert.deepEqual(orders.want(new Set(), 0), ["a.test"]);
    assert.deepEqual(orders.tick(0), []);
    assert.equal(orders.state("a.test", 0), undefined);
  });

  test("the authority's own renewal time wins, but never lies after the end", () => {
    const orders = schedule();
    orders.want(new Set(["a.test"]), 0);
    orders.tick(0);
    orders.succeeded("a.test", ninetyDays(0));
    orders.renewAt("a.test", 5 * DAY_MS);
    assert.deepEqual(orders.tick(5 * DAY_MS), ["a.test"]);
    orders.succeeded("a.test", ninetyDays(5 * DAY_MS));
    orders.renewAt("a.test", 400 * DAY_MS);
    assert.equal(orders.nextDeadlineMs(), 95 * DAY_MS);
  });
});
