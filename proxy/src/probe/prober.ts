import { control } from "@netbird-proxy/proto/grpc";
import { errorCode, type TargetDialer } from "../forward/dial.ts";
import { classify, type Finding, reachableFinding, unknownFinding } from "./classify.ts";

export interface ProberOptions {
  /** How often a reachable target is asked; a dead agent is known after at most this plus two time-outs and echoes. */
  intervalMs?: number;
  timeoutMs?: number;
  pingTimeoutMs?: number;
  /** First wait after a failure; doubles up to the interval. */
  retryMs?: number;
  /** Probes under way at once. */
  concurrency?: number;
  /** Called when a finding differs from the one before. */
  onChange: (probe: Probe) => void;
}

const REACHABLE = control.TargetState.TARGET_STATE_REACHABLE;

/** One target, asked again and again for as long as some service has it. */
export class Probe {
  readonly dialer: TargetDialer;
  readonly host: string;
  readonly port: number;
  /** A UDP target cannot be connected to; its host is asked for an echo. */
  readonly kind: "tcp" | "ping";
  finding: Finding = unknownFinding;
  /** How long the last successful probe took, milliseconds, at least 1; 0 before the first. */
  probeMs = 0;
  /** @internal */ references = 0;
  /** @internal */ failures = 0;
  /** @internal */ timer: NodeJS.Timeout | undefined;
  /** @internal */ running = false;
  /** @internal */ again = false;
  /** @internal */ lastSuccessMs = Number.NEGATIVE_INFINITY;
  readonly #prober: Prober;
  readonly #whenLost = new Set<() => void>();

  constructor(prober: Prober, dialer: TargetDialer, host: string, port: number, kind: "tcp" | "ping") {
    this.#prober = prober;
    this.dialer = dialer;
    this.host = host;
    this.port = port;
    this.kind = kind;
  }

  get target(): string {
    return this.host.includes(":") ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
  }

  get reachable(): boolean {
    return this.finding.state === REACHABLE;
  }

  /** Real traffic got an answer: as good as a probe. @param nowMs monotonic */
  trafficSucceeded(nowMs: number): void {
    this.lastSuccessMs = nowMs;
    if (this.finding.state !== REACHABLE) this.#prober.succeeded(this);
  }

  /** Calls once, when a target that could be reached cannot be any more; {@link noMatter} takes it back. */
  whenLost(call: () => void): void {
    this.#whenLost.add(call);
  }

  noMatter(call: () => void): void {
    this.#whenLost.delete(call);
  }

  /** @internal */
  lost(): void {
    const calls = [...this.#whenLost];
    this.#whenLost.clear();
    for (const call of calls) call();
  }

  /** Real traffic failed: look at once instead of at the next turn. */
  trafficFailed(): void {
    if (this.finding.state === REACHABLE) this.#prober.soon(this);
  }
}

/** Asks every target over the same path that requests take. A target that several services share is asked once. */
export class Prober {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #pingTimeoutMs: number;
  readonly #retryMs: number;
  readonly #concurrency: number;
  readonly #onChange: (probe: Probe) => void;
  readonly #probes = new Map<string, Probe>();
  readonly #waiting = new Set<Probe>();
  #running = 0;
  #closed = false;

  constructor(options: ProberOptions) {
    this.#intervalMs = options.intervalMs ?? 5000;
    this.#timeoutMs = options.timeoutMs ?? 3000;
    this.#pingTimeoutMs = options.pingTimeoutMs ?? 1000;
    this.#retryMs = options.retryMs ?? 250;
    this.#concurrency = options.concurrency ?? 64;
    this.#onChange = options.onChange;
  }

  /** Starts to ask, or joins whoever asks already. */
  acquire(dialer: TargetDialer, host: string, port: number, kind: "tcp" | "ping" = "tcp"): Probe {
    const key = `${dialer.key}|${kind}|${host}|${port}`;
    let probe = this.#probes.get(key);
    if (probe === undefined) {
      probe = new Probe(this, dialer, host, port, kind);
      this.#probes.set(key, probe);
      this.soon(probe);
    }
    probe.references += 1;
    return probe;
  }

  release(probe: Probe): void {
    probe.references -= 1;
    if (probe.references > 0) return;
    this.#probes.delete(`${probe.dialer.key}|${probe.kind}|${probe.host}|${probe.port}`);
    this.#waiting.delete(probe);
    clearTimeout(probe.timer);
  }

  /** Something changed for this dialer (a handshake, new routes): what did not work may work now. */
  retryAll(dialerKey: string): void {
    for (const probe of this.#probes.values()) {
      if (probe.dialer.key === dialerKey && !probe.reachable) this.soon(probe);
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const probe of this.#probes.values()) clearTimeout(probe.timer);
    this.#probes.clear();
  }

  /** @internal */
  soon(probe: Probe): void {
    if (this.#closed) return;
    if (probe.running) {
      probe.again = true;
      return;
    }
    clearTimeout(probe.timer);
    this.#waiting.add(probe);
    this.#startWaiting();
  }

  /** @internal */
  succeeded(probe: Probe): void {
    probe.failures = 0;
    this.#settle(probe, reachableFinding);
  }

  #startWaiting(): void {
    for (const probe of this.#waiting) {
      if (this.#running >= this.#concurrency) return;
      this.#waiting.delete(probe);
      void this.#run(probe);
    }
  }

  async #run(probe: Probe): Promise<void> {
    this.#running += 1;
    probe.running = true;
    const startedMs = performance.now();
    let waitMs = this.#intervalMs;
    try {
      const failure = await this.#ask(probe);
      // While we waited for the connection a visitor's request may have got through.
      if (failure === undefined || probe.lastSuccessMs > startedMs) {
        if (failure === undefined) probe.probeMs = Math.max(1, Math.round(performance.now() - startedMs));
        probe.lastSuccessMs = performance.now();
        this.succeeded(probe);
      } else {
        probe.failures += 1;
        // One lost packet too many is no outage: what worked a moment ago gets a second look before it is reported.
        const doubtful = probe.reachable && probe.failures === 1 && failure.reason !== "target.refused";
        if (doubtful) waitMs = 0;
        else {
          this.#settle(probe, failure);
          waitMs = Math.min(this.#intervalMs, this.#retryMs * 2 ** Math.min(10, probe.failures - 1));
        }
      }
    } finally {
      this.#running -= 1;
      probe.running = false;
      const again = probe.again;
      probe.again = false;
      if (!this.#closed && probe.references > 0) {
        if (again || waitMs === 0) this.soon(probe);
        else this.#later(probe, waitMs);
      }
      this.#startWaiting();
    }
  }

  #later(probe: Probe, waitMs: number): void {
    // A little jitter keeps thousands of targets from being asked in one burst.
    probe.timer = setTimeout(
      () => {
        const quietMs = performance.now() - probe.lastSuccessMs;
        if (probe.reachable && quietMs < this.#intervalMs / 2) this.#later(probe, this.#intervalMs - quietMs);
        else this.soon(probe);
      },
      waitMs * (0.9 + Math.random() * 0.1),
    );
    probe.timer.unref();
  }

  async #ask(probe: Probe): Promise<Finding | undefined> {
    const { dialer, host, port } = probe;
    try {
      if (probe.kind === "ping") {
        await dialer.ping(host, this.#timeoutMs);
      } else {
        const socket = await dialer.dial(host, port, this.#timeoutMs);
        socket.on("error", () => {});
        socket.destroy();
      }
      return undefined;
    } catch (error) {
      const direct = dialer.key === "direct";
      let peerAnswers: boolean | undefined;
      if (errorCode(error) === "ETIMEDOUT" && !direct) {
        peerAnswers = await dialer.ping(host, this.#pingTimeoutMs).then(
          () => true,
          () => false,
        );
      }
      return classify(error, {
        target: probe.target,
        peerAnswers,
        handshakeAgeSeconds: dialer.handshakeAgeSeconds(host),
        direct,
      });
    }
  }

  #settle(probe: Probe, finding: Finding): void {
    const before = probe.finding;
    probe.finding = finding;
    if (before.state !== finding.state || before.reason !== finding.reason) this.#onChange(probe);
    if (before.state === REACHABLE && finding.state !== REACHABLE) probe.lost();
  }
}
