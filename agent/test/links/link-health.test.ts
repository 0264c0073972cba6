import assert from "node:assert/strict";
import { type LinkAction, LinkHealth, MAX_MISSED, SILENCE_MS } from "../../src/links/link-health.ts";

/** A link whose clock and tunnel are the test's. */
class TestLink {
  nowMs = 1_000_000;
  rxBytes = 0;
  latestHandshakeMs: number | undefined;
  readonly health = new LinkHealth(this.nowMs, () => 0);

  observe(afterMs = 0): LinkAction {
    this.nowMs += afterMs;
    const { nowMs, rxBytes, latestHandshakeMs } = this;
    return this.health.observe({ nowMs, rxBytes, latestHandshakeMs });
  }

  /** Milliseconds until the link wants to be renewed. */
  untilRenewed(): number {
    const startMs = this.nowMs;
    while (this.observe(50) !== "renew") assert.ok(this.nowMs - startMs < 60_000, "never");
    return this.nowMs - startMs;
  }

  renew(): void {
    this.latestHandshakeMs = undefined;
    this.rxBytes = 0;
    this.health.renewed(this.nowMs);
  }

  comeUp(): void {
    this.latestHandshakeMs = this.nowMs;
    this.rxBytes += 92;
    assert.equal(this.observe(), "none");
    assert.equal(this.health.up, true);
  }

  answer(roundTripMs = 20): void {
    assert.equal(this.observe(SILENCE_MS), "ask");
    this.health.asked();
    this.health.answered(this.nowMs, roundTripMs);
  }
}

suite("health of a link", () => {
  test("a link is up with its first handshake", () => {
    const link = new TestLink();
    assert.equal(link.observe(500), "none");
    assert.equal(link.health.up, false);
    link.comeUp();
  });

  test("without a handshake it is tried again, quickly at first and then every five seconds", () => {
    const link = new TestLink();
    link.renew();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      waits.push(link.untilRenewed());
      link.renew();
    }
    assert.deepEqual(waits, [1_000, 1_000, 2_000, 3_000, 5_000, 5_000, 5_000]);
  });

  test("randomness only lengthens the wait, so that many agents do not come at once", () => {
    const link = new LinkHealth(0, () => 0.999);
    link.renewed(0);
    const at = (nowMs: number) => link.observe({ nowMs, rxBytes: 0, latestHandshakeMs: undefined });
    assert.equal(at(1_200), "none");
    assert.equal(at(1_250), "renew");
  });

  test("as long as something is heard nobody is asked", () => {
    const link = new TestLink();
    link.comeUp();
    for (let i = 0; i < 20; i += 1) {
      link.rxBytes += 32;
      assert.equal(link.observe(SILENCE_MS - 1), "none");
    }
    assert.equal(link.observe(SILENCE_MS), "ask");
  });

  test("one question at a time", () => {
    const link = new TestLink();
    link.comeUp();
    assert.equal(link.observe(SILENCE_MS), "ask");
    link.health.asked();
    assert.equal(link.observe(10_000), "none");
  });

  test("questions that go unanswered in a row mean that the session is dead", () => {
    const link = new TestLink();
    link.comeUp();
    link.answer();
    for (let miss = 0; miss < MAX_MISSED; miss += 1) {
      assert.equal(link.observe(SILENCE_MS), "ask", `after ${miss}`);
      link.health.asked();
      link.health.missed(link.nowMs);
    }
    assert.equal(link.observe(), "renew");
    assert.equal(link.health.up, true, "until the caller acts");
    link.renew();
    assert.equal(link.health.up, false);
    assert.equal(link.untilRenewed(), 1_000);
  });

  test("anything heard in between counts as an answer", () => {
    const link = new TestLink();
    link.comeUp();
    link.answer();
    for (let miss = 0; miss < 10; miss += 1) {
      assert.equal(link.observe(SILENCE_MS), "ask");
      link.health.asked();
      link.health.missed(link.nowMs);
      link.rxBytes += 1;
      assert.equal(link.observe(), "none");
    }
  });

  test("a proxy that has never answered an echo is left to WireGuard's own timers", () => {
    const link = new TestLink();
    link.comeUp();
    for (let miss = 0; miss < 20; miss += 1) {
      assert.equal(link.observe(SILENCE_MS), "ask");
      link.health.asked();
      link.health.missed(link.nowMs);
      assert.equal(link.observe(), "none");
    }
  });

  test("a slow path is given the time it needs for an answer", () => {
    const link = new TestLink();
    link.comeUp();
    assert.equal(link.health.asked(), 2_000, "unknown yet");
    link.health.answered(link.nowMs, 5);
    assert.equal(link.health.asked(), 400);
    link.health.answered(link.nowMs, 5);
    for (let i = 0; i < 60; i += 1) link.health.answered(link.nowMs, 300);
    assert.ok(link.health.asked() > 1_190);
    for (let i = 0; i < 60; i += 1) link.health.answered(link.nowMs, 5_000);
    assert.equal(link.health.asked(), 2_000);
  });

  test("news from the server hurries: a link that is down starts its short waits anew, one that is up is asked", () => {
    const link = new TestLink();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      link.untilRenewed();
      link.renew();
    }
    link.health.hurry();
    assert.equal(link.untilRenewed(), 1_000);
    link.renew();
    link.comeUp();
    link.health.hurry();
    assert.equal(link.observe(), "ask");
  });
});
