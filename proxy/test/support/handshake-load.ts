// New TLS handshakes at a steady rate, from a process of its own: the proxy under test must not wait for its visitors.
import { type ChildProcess, fork } from "node:child_process";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";

export interface HandshakeTask {
  port: number;
  servername: string;
  /** PEM. */
  ca: string;
  perSecond: number;
}

/** What happened since the report before. */
export interface HandshakeReport {
  succeeded: number;
  /** Messages. */
  failed: string[];
  /** Serial numbers that were seen first in this time, with when. */
  serials: { serial: string; atMs: number }[];
}

const SELF = fileURLToPath(import.meta.url);
const REPORT_EVERY_MS = 100;
const TICK_MS = 10;

/** Handshakes until it is stopped. */
export class HandshakeLoad {
  succeeded = 0;
  readonly failed: string[] = [];
  /** When each serial number was seen first. */
  readonly firstSeenMs = new Map<string, number>();
  readonly #child: ChildProcess;

  constructor(task: HandshakeTask) {
    this.#child = fork(SELF, ["run"], { execArgv: ["--import", "tsx"] });
    this.#child.on("message", ({ succeeded, failed, serials }: HandshakeReport) => {
      this.succeeded += succeeded;
      this.failed.push(...failed);
      for (const { serial, atMs } of serials) this.firstSeenMs.set(serial, atMs);
    });
    this.#child.send(task);
  }

  /** Lets handshakes under way finish. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.send("stop");
    await ended;
  }
}

function run({ port, servername, ca, perSecond }: HandshakeTask): () => void {
  let report: HandshakeReport = { succeeded: 0, failed: [], serials: [] };
  const seen = new Set<string>();
  let open = 0;
  let due = 0;
  let stopped = false;
  const send = () => {
    const sent = report;
    report = { succeeded: 0, failed: [], serials: [] };
    process.send!(sent);
  };
  const one = () => {
    open += 1;
    const socket = connect({ host: "127.0.0.1", port, servername, ca }, () => {
      report.succeeded += 1;
      const serial = socket.getPeerCertificate().serialNumber;
      if (!seen.has(serial)) {
        seen.add(serial);
        report.serials.push({ serial, atMs: Date.now() });
      }
      socket.destroy();
    });
    socket.on("error", (error) => report.failed.push(error.message));
    socket.on("close", () => {
      open -= 1;
      if (stopped && open === 0) process.send!(report, () => process.exit(0));
    });
  };
  const reports = setInterval(send, REPORT_EVERY_MS);
  let beforeMs = performance.now();
  const ticks = setInterval(() => {
    const nowMs = performance.now();
    // Bounded: on a slow machine it is fewer, and never a pile.
    due = Math.min(due + ((nowMs - beforeMs) / 1000) * perSecond, perSecond / 10);
    beforeMs = nowMs;
    for (; due >= 1 && open < perSecond; due -= 1) one();
  }, TICK_MS);
  return () => {
    stopped = true;
    clearInterval(reports);
    clearInterval(ticks);
    if (open === 0) process.send!(report, () => process.exit(0));
  };
}

if (process.argv[2] === "run" && process.argv[1] === SELF) {
  let stop = () => {};
  process.on("message", (message: HandshakeTask | "stop") => {
    if (message === "stop") stop();
    else stop = run(message);
  });
  process.on("disconnect", () => process.exit(0));
}
