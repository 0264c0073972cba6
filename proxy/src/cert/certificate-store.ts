import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { SecureContext } from "node:tls";
import { control } from "@netbird-proxy/proto/grpc";
import { ConfigError } from "../config.ts";
import type { Logger } from "../observe/log.ts";
import { FolderWatch } from "./folder-watch.ts";
import { covers, loadPair, type Pair, type PairProblem } from "./pair.ts";

/** Certificates that are made when a name needs one. */
export interface IssuedCertificates {
  pairFor(name: string): Pair | undefined;
  report(name: string): control.CertificateReport | undefined;
  nextChangeMs(nowMs: number): number | undefined;
}

/** Certificates that users brought along; they come before all others. */
export interface OwnCertificates {
  pairFor(name: string, nowMs: number): Pair | undefined;
  unusablePairFor(name: string): Pair | undefined;
  nextChangeMs(nowMs: number): number | undefined;
}

export interface CertificateStoreParts {
  readonly certFile: string;
  readonly keyFile: string;
  readonly wildcardDirectory: string | undefined;
  readonly uploaded?: OwnCertificates;
  /** For names that no file covers; then files are optional, and a name that nothing covers gets no certificate. */
  readonly issued?: IssuedCertificates;
  /** Whether somebody published the name. */
  readonly serves?: (name: string) => boolean;
  readonly log: Logger;
  /** Another set of certificates is in use, or a problem came or went. */
  readonly onChange: () => void;
  readonly onReload?: (ok: boolean) => void;
  readonly watch?: { debounceMs?: number; pollMs?: number };
}

interface Entry {
  readonly certFile: string;
  readonly keyFile: string;
  readonly source: "static" | "wildcard";
  pair: Pair | undefined;
  /** What is wrong with the files as they are now; `pair` is then the one before. */
  problem: PairProblem | undefined;
}

const { CertificateState } = control;

const notYetOrdered: control.CertificateReport = {
  state: CertificateState.CERTIFICATE_STATE_PENDING,
  source: "acme",
  expiresAtUnixSeconds: 0n,
  issuedAtUnixSeconds: 0n,
  reason: "certificate.pending",
  message: "the order waits for its turn",
};

/**
 * Which certificate a name gets: one that was uploaded for it, a pair of the folder chosen by name, the static pair, or
 * one that is ordered for it.
 * Files may be replaced at any time; a pair that is not usable never replaces one that is.
 */
export class CertificateStore {
  readonly #parts: CertificateStoreParts;
  readonly #static: Entry;
  #further: Entry[] = [];
  #byName = new Map<string, Pair>();
  #watch: FolderWatch | undefined;
  #reloading: Promise<void> | undefined;
  #reloadAgain = false;

  constructor(parts: CertificateStoreParts) {
    this.#parts = parts;
    this.#static = {
      certFile: parts.certFile,
      keyFile: parts.keyFile,
      source: "static",
      pair: undefined,
      problem: undefined,
    };
  }

  /** @throws {ConfigError} when there is no certificate to start with */
  async start(): Promise<void> {
    const { wildcardDirectory } = this.#parts;
    const folders = [dirname(this.#parts.certFile), dirname(this.#parts.keyFile)];
    if (wildcardDirectory !== undefined) folders.push(wildcardDirectory);
    const watch = new FolderWatch(folders, () => void this.reload(), this.#parts.watch);
    // Watch first, read then: a change in between is not missed.
    await watch.start();
    this.#watch = watch;
    await this.reload();
    const problems: string[] = [];
    const { problem } = this.#static;
    const { issued } = this.#parts;
    const optional = (wildcardDirectory ?? issued) !== undefined && problem?.reason === "certificate.missing";
    if (problem !== undefined && !optional) {
      problems.push(
        `NB_PROXY_CERTIFICATE_DIRECTORY: ${problem.message}: put the certificate chain into ${this.#parts.certFile} and its key into ${this.#parts.keyFile}`,
      );
    }
    if (
      issued === undefined &&
      wildcardDirectory !== undefined &&
      !this.#further.some(({ pair }) => pair !== undefined)
    ) {
      const found = this.#further[0]?.problem?.message ?? "there is no .crt file with a .key file beside it";
      problems.push(`NB_PROXY_WILDCARD_CERT_DIR ${wildcardDirectory}: ${found}`);
    }
    if (problems.length > 0) {
      this.close();
      throw new ConfigError(problems);
    }
  }

  close(): void {
    this.#watch?.close();
  }

  /** For handshakes without a name, or with one that nothing covers; none when certificates are ordered by name. */
  get fallback(): Pair | undefined {
    return this.#parts.issued === undefined ? this.#anyPair : undefined;
  }

  get #anyPair(): Pair | undefined {
    return this.#static.pair ?? this.#further.find(({ pair }) => pair !== undefined)?.pair;
  }

  /** @param serverName lower case */
  contextFor(serverName: string): SecureContext | undefined {
    return this.pairFor(serverName)?.context;
  }

  /** @param serverName lower case */
  pairFor(serverName: string): Pair | undefined {
    const { issued, serves, uploaded } = this.#parts;
    const own = uploaded?.pairFor(serverName, Date.now());
    if (own !== undefined) return own;
    if (issued === undefined) return this.#pairFor(serverName);
    // Without a certificate the handshake ends with an alert: strangers learn nothing about who else is here.
    if (serves?.(serverName) === false) return undefined;
    return this.#coveringPair(serverName) ?? issued.pairFor(serverName);
  }

  /** Whether there is no uploaded certificate and no file for the name that is good now: one has to be ordered. */
  needsOrder(name: string): boolean {
    return (
      this.#parts.uploaded?.pairFor(name, Date.now()) === undefined && this.#coveringPair(name) === undefined
    );
  }

  /** A pair from disk that really is for the name. */
  #coveringPair(name: string): Pair | undefined {
    const pair = this.#pairFor(name);
    return pair !== undefined && covers(pair, name) && pair.notAfterMs > Date.now() ? pair : undefined;
  }

  #pairFor(name: string): Pair | undefined {
    const exact = this.#byName.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return (dot > 0 ? this.#byName.get(`*${name.slice(dot)}`) : undefined) ?? this.#anyPair;
  }

  /** How things stand for a service's domain. */
  report(domain: string, nowMs: number): control.CertificateReport {
    const own = this.#parts.uploaded?.pairFor(domain, nowMs);
    if (own !== undefined) return uploadedReport(own, nowMs);
    // A name that was published this moment is not in the schedule yet; nothing has failed.
    const { issued } = this.#parts;
    if (issued !== undefined && this.needsOrder(domain)) return issued.report(domain) ?? notYetOrdered;
    const pair = this.#pairFor(domain);
    const entry = [this.#static, ...this.#further].find((candidate) => candidate.pair === pair);
    const failed = (reason: string, message: string): control.CertificateReport => ({
      state: CertificateState.CERTIFICATE_STATE_FAILED,
      source: entry?.source ?? "static",
      expiresAtUnixSeconds: BigInt(Math.floor((pair?.notAfterMs ?? 0) / 1000)),
      issuedAtUnixSeconds: BigInt(Math.floor((pair?.notBeforeMs ?? 0) / 1000)),
      reason,
      message,
    });
    // Nothing else stands in for it, so this is what has to be replaced.
    const lapsed = this.#parts.uploaded?.unusablePairFor(domain);
    if (lapsed !== undefined && this.#coveringPair(domain) === undefined)
      return uploadedReport(lapsed, nowMs);
    if (pair === undefined) return failed("certificate.missing", "the proxy has no certificate");
    const files = `${pair.certFile} covers ${pair.names.join(", ") || "no DNS name"}`;
    if (!covers(pair, domain)) {
      // The file that was meant to bring the name may be the one that is not usable.
      const broken = [this.#static, ...this.#further].find(({ problem }) => problem !== undefined)?.problem;
      if (broken !== undefined) return failed(broken.reason, broken.message);
      return failed("certificate.name_mismatch", `${files}, not ${domain}`);
    }
    if (pair.notAfterMs <= nowMs) {
      return failed(
        "certificate.expired",
        `${pair.certFile} expired at ${new Date(pair.notAfterMs).toISOString()}`,
      );
    }
    if (pair.notBeforeMs > nowMs) {
      return failed(
        "certificate.failed",
        `${pair.certFile} is not valid before ${new Date(pair.notBeforeMs).toISOString()}`,
      );
    }
    return {
      ...failed(entry?.problem?.reason ?? "", entry?.problem?.message ?? ""),
      state: CertificateState.CERTIFICATE_STATE_READY,
    };
  }

  /** When the next certificate in use expires or starts, so that reports are made anew then. */
  nextChangeMs(nowMs: number): number | undefined {
    const { issued, uploaded } = this.#parts;
    let next = earlier(issued?.nextChangeMs(nowMs), uploaded?.nextChangeMs(nowMs));
    for (const { pair } of [this.#static, ...this.#further]) {
      for (const atMs of [pair?.notAfterMs, pair?.notBeforeMs]) {
        if (atMs !== undefined && atMs > nowMs && (next === undefined || atMs < next)) next = atMs;
      }
    }
    return next;
  }

  /** Reads what changed. Runs one at a time; a change during a run leads to another. */
  reload(): Promise<void> {
    if (this.#reloading !== undefined) {
      this.#reloadAgain = true;
      return this.#reloading;
    }
    this.#reloading = (async () => {
      do {
        this.#reloadAgain = false;
        await this.#reloadOnce();
      } while (this.#reloadAgain);
    })().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #reloadOnce(): Promise<void> {
    const further = await this.#listFurther();
    let changed = further.length !== this.#further.length;
    for (const entry of [this.#static, ...further]) {
      if (await this.#reloadEntry(entry)) changed = true;
    }
    this.#further = further;
    if (!changed) return;
    this.#byName = new Map();
    for (const { pair } of [this.#static, ...further].reverse()) {
      for (const name of pair?.names ?? []) this.#byName.set(name, pair!);
    }
    // The folder is more specific than the one pair for everything.
    for (const { pair } of further) for (const name of pair?.names ?? []) this.#byName.set(name, pair!);
    this.#parts.onChange();
  }

  /** @returns whether pair or problem changed */
  async #reloadEntry(entry: Entry): Promise<boolean> {
    const { log, onReload } = this.#parts;
    const loaded = await loadPair(entry.certFile, entry.keyFile);
    if (loaded.ok) {
      const recovered = entry.problem !== undefined;
      if (entry.pair?.fingerprint === loaded.pair.fingerprint && !recovered) return false;
      entry.pair = loaded.pair;
      entry.problem = undefined;
      log.info({ file: entry.certFile, count: loaded.pair.names.length }, "certificate loaded");
      onReload?.(true);
      return true;
    }
    const { problem } = loaded;
    if (entry.problem?.reason === problem.reason && entry.problem.fingerprint === problem.fingerprint)
      return false;
    entry.problem = problem;
    if (entry.source === "static" || problem.reason !== "certificate.missing") {
      log[entry.pair === undefined ? "debug" : "error"](
        { file: entry.certFile, code: problem.reason, reason: problem.message },
        "certificate files are not usable; the certificate before them stays in use",
      );
    }
    onReload?.(false);
    return true;
  }

  async #listFurther(): Promise<Entry[]> {
    const { wildcardDirectory, log } = this.#parts;
    if (wildcardDirectory === undefined) return [];
    let names: string[];
    try {
      names = (await readdir(wildcardDirectory)).filter((name) => name.endsWith(".crt")).sort();
    } catch (error) {
      log.error({ file: wildcardDirectory, err: error }, "certificate folder cannot be read");
      return this.#further;
    }
    return names.map((name): Entry => {
      const certFile = join(wildcardDirectory, name);
      const keyFile = join(wildcardDirectory, `${basename(name, ".crt")}.key`);
      return (
        this.#further.find((entry) => entry.certFile === certFile) ?? {
          certFile,
          keyFile,
          source: "wildcard",
          pair: undefined,
          problem: undefined,
        }
      );
    });
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function uploadedReport(pair: Pair, nowMs: number): control.CertificateReport {
  const report = {
    state: CertificateState.CERTIFICATE_STATE_FAILED as control.CertificateState,
    source: "uploaded",
    expiresAtUnixSeconds: BigInt(Math.floor(pair.notAfterMs / 1000)),
    issuedAtUnixSeconds: BigInt(Math.floor(pair.notBeforeMs / 1000)),
  };
  if (pair.notAfterMs <= nowMs) {
    const message = `the ${pair.certFile} expired at ${new Date(pair.notAfterMs).toISOString()}`;
    return { ...report, reason: "certificate.expired", message };
  }
  if (pair.notBeforeMs > nowMs) {
    const message = `the ${pair.certFile} is not valid before ${new Date(pair.notBeforeMs).toISOString()}`;
    return { ...report, reason: "certificate.failed", message };
  }
  return { ...report, state: CertificateState.CERTIFICATE_STATE_READY, reason: "", message: "" };
}
