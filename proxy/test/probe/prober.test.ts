import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { control } from "@netbird-proxy/proto/grpc";
import type { TunnelSocket } from "@netbird-proxy/tunnel";
import { codedError, type TargetDialer } from "../../src/forward/dial.ts";
import { classify } from "../../src/probe/classify.ts";
import { type Probe, Prober } from "../../src/probe/prober.ts";
import { until } from "../support/management-server.ts";

const { TargetState } = control;

/** A wire whose every answer the test decides. */
class ScriptedDialer implements TargetDialer {
  readonly key = "account:test";
  dials = 0;
  pings = 0;
  active = 0;
  peakActive = 0;
  handshakeAge = 5;
  dialAnswer: () => Promise<void> = async () => {};
  pingAnswer: () => Promise<number> = async () => 1;

  async dial(): Promise<TunnelSocket> {
    this.dials += 1;
    this.active += 1;
    this.peakActive = Math.max(this.peakActive, this.active);
    try {
      await this.dialAnswer();
    } finally {
      this.active -= 1;
    }
    return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }) as unknown as TunnelSocket;
  }
  async dialUdp(): Promise<never> {
    throw new Error("not asked for");
  }
  async ping(): Promise<number> {
    this.pings += 1;
    return this.pingAnswer();
  }
  handshakeAgeSeconds(): number {
    return this.handshakeAge;
  }
}

const fail = (code: string) => async (): Promise<never> => {
  throw codedError(code, code);
};

suite("probing targets", () => {
  const open: Prober[] = [];
  let changes: { state: control.TargetState; reason: string }[] = [];
  setup(() => {
    changes = [];
  });
  teardown(() => {
    for (const prober of open.splice(0)) prober.close();
  });
  function prober(more: object = {}): Prober {
    const made = new Prober({
      intervalMs: 60,
      timeoutMs: 20,
      pingTimeoutMs: 10,
      retryMs: 5,
      onChange: ({ finding }: Probe) => changes.push({ state: finding.state, reason: finding.reason }),
      ...more,
    });
    open.push(made);
    return made;
  }

  test("a target is asked at once, and then again and again", async () => {
    const dialer = new ScriptedDialer();
    const probe = prober().acquire(dialer, "10.0.0.1", 80);
    assert.equal(probe.finding.state, TargetState.TARGET_STATE_UNKNOWN);
    await until(() => probe.reachable);
    assert.ok(probe.probeMs >= 1);
    await until(() => dialer.dials >= 4);
    assert.equal(changes.length, 1, "only news are told");
  });

  test("a target that several services share is asked once, until the last of them is gone", async () => {
    const dialer = new ScriptedDialer();
    const made = prober();
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    assert.equal(made.acquire(dialer, "10.0.0.1", 80), probe);
    assert.notEqual(made.acquire(dialer, "10.0.0.1", 81), probe);
    await until(() => probe.reachable);
    made.release(probe);
    const before = dialer.dials;
    await until(() => dialer.dials > before + 2, "it to be asked on");
    made.release(probe);
    assert.notEqual(made.acquire(dialer, "10.0.0.1", 80), probe, "a new one starts from nothing");
  });

  test("a refusal is told at once, and the return within a few short retries", async () => {
    const dialer = new ScriptedDialer();
    const made = prober({ intervalMs: 10_000 });
    dialer.dialAnswer = fail("ECONNREFUSED");
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.finding.reason === "target.refused");
    assert.equal(probe.finding.state, TargetState.TARGET_STATE_UNREACHABLE);
    dialer.dialAnswer = async () => {};
    await until(() => probe.reachable, "the return", 1000);
  });

  test("one time-out of a target that worked is looked at twice before it is told", async () => {
    const dialer = new ScriptedDialer();
    const made = prober();
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.reachable);
    let once = true;
    dialer.dialAnswer = async () => {
      if (once) {
        once = false;
        throw codedError("ETIMEDOUT", "lost");
      }
    };
    const before = dialer.dials;
    await until(() => dialer.dials >= before + 3);
    assert.deepEqual(changes, [{ state: TargetState.TARGET_STATE_REACHABLE, reason: "" }]);
  });

  test("a dead peer and a silent target are told apart by an echo", async () => {
    const dialer = new ScriptedDialer();
    const made = prober();
    dialer.dialAnswer = fail("ETIMEDOUT");
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.finding.reason === "target.timeout");
    assert.equal(probe.finding.state, TargetState.TARGET_STATE_UNREACHABLE);
    dialer.pingAnswer = fail("ETIMEDOUT");
    await until(() => probe.finding.reason === "tunnel.peer_unreachable");
    assert.equal(probe.finding.state, TargetState.TARGET_STATE_NO_TUNNEL);
    dialer.handshakeAge = -1;
    await until(() => probe.finding.reason === "tunnel.peer_never_connected");
  });

  test("traffic that gets through counts like a probe", async () => {
    const dialer = new ScriptedDialer();
    const made = prober({ intervalMs: 10_000 });
    dialer.dialAnswer = fail("ETIMEDOUT");
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.finding.state === TargetState.TARGET_STATE_UNREACHABLE);
    probe.trafficSucceeded(performance.now());
    assert.ok(probe.reachable);
  });

  test("traffic that fails is followed up at once", async () => {
    const dialer = new ScriptedDialer();
    const made = prober({ intervalMs: 10_000 });
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.reachable);
    dialer.dialAnswer = fail("ECONNREFUSED");
    probe.trafficFailed();
    await until(() => probe.finding.reason === "target.refused", "the follow-up", 1000);
  });

  test("a new handshake retries what did not work", async () => {
    const dialer = new ScriptedDialer();
    const made = prober({ intervalMs: 10_000, retryMs: 10_000 });
    dialer.dialAnswer = fail("ETIMEDOUT");
    const probe = made.acquire(dialer, "10.0.0.1", 80);
    await until(() => probe.finding.state === TargetState.TARGET_STATE_UNREACHABLE);
    dialer.dialAnswer = async () => {};
    made.retryAll(dialer.key);
    await until(() => probe.reachable, "the retry", 1000);
  });

  test("thousands of targets are not asked all at the same time", async () => {
    const dialer = new ScriptedDialer();
    dialer.dialAnswer = () => new Promise((resolve) => setTimeout(resolve, 5));
    const made = prober({ concurrency: 7, intervalMs: 60_000 });
    const probes = Array.from({ length: 100 }, (_, i) => made.acquire(dialer, "10.0.0.1", i + 1));
    await until(() => probes.every(({ reachable }) => reachable));
    assert.equal(dialer.peakActive, 7);
    assert.equal(dialer.dials, 100);
  });

  test("a UDP target's host is asked for an echo", async () => {
    const dialer = new ScriptedDialer();
    const probe = prober().acquire(dialer, "10.0.0.1", 53, "ping");
    await until(() => probe.reachable);
    assert.equal(dialer.dials, 0);
    assert.ok(dialer.pings > 0);
  });
});

suite("classifying a failed probe", () => {
  const about = { target: "t:1", peerAnswers: true, handshakeAgeSeconds: 3, direct: false };
  const cases: [string, object, string][] = [
    ["ECONNREFUSED", {}, "target.refused"],
    ["EACCES", {}, "target.denied"],
    ["ENOTFOUND", {}, "target.unresolved"],
    ["EHOSTUNREACH", {}, "target.unreachable"],
    ["EHOSTUNREACH", { handshakeAgeSeconds: -1 }, "tunnel.peer_never_connected"],
    ["ETIMEDOUT", {}, "target.timeout"],
    ["ETIMEDOUT", { peerAnswers: false }, "tunnel.peer_unreachable"],
    ["ETIMEDOUT", { peerAnswers: false, handshakeAgeSeconds: -1 }, "tunnel.peer_never_connected"],
    ["ETIMEDOUT", { direct: true, handshakeAgeSeconds: -1 }, "target.timeout"],
    ["EHOSTUNREACH", { direct: true, handshakeAgeSeconds: -1 }, "target.unreachable"],
    ["EPROTO", {}, "target.error"],
  ];
  for (const [code, more, reason] of cases) {
    test(`${code} ${JSON.stringify(more)} is ${reason}`, () => {
      const finding = classify(codedError(code, "x"), { ...about, ...more });
      assert.equal(finding.reason, reason);
      const tunnel = reason.startsWith("tunnel.");
      assert.equal(
        finding.state,
        tunnel ? TargetState.TARGET_STATE_NO_TUNNEL : TargetState.TARGET_STATE_UNREACHABLE,
      );
      assert.notEqual(finding.message, "");
    });
  }
});
