import type { SecureContext } from "node:tls";
import { control } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../../observe/log.ts";
import { covers, makePair, type Pair, pairFingerprint } from "../pair.ts";
import { certificateId } from "./certificate-id.ts";
import type { Challenges } from "./challenges.ts";
import type { Authority, Publish } from "./order.ts";
import { OrderSchedule, type RetryTimes } from "./order-schedule.ts";
import { classifyFailure, type IssueFailure } from "./problem.ts";
import { type IssuedPair, type Lease, type Vault, VaultUnavailable } from "./vault.ts";

export interface AcmeCertificatesParts {
  readonly authority: Pick<Authority, "order" | "renewalWindow">;
  /** Where certificates survive a restart of this proxy. */
  readonly folder: Vault & { save(name: string, pair: IssuedPair): Promise<void> };
  /** Where the right to order is; the folder itself unless the server keeps it for the cluster. */
  readonly vault: Vault;
  readonly challenges: Challenges;
  readonly publish: Publish;
  readonly maxInFlight: number;
  readonly log: Logger;
  readonly nowMs?: () => number;
  readonly random?: () => number;
  readonly retry?: Partial<RetryTimes>;
  /** The certificate of these names, or how things stand for them, is another one. */
  readonly onChange: (names: readonly string[]) => void;
  readonly onOrder?: (result: "ok" | "error") => void;
}

const { CertificateState } = control;
const MAX_TIMER_MS = 3_600_000;
const RENEWAL_INFO_MS = 6 * 3_600_000;
const VAULT_RETRY_MS = 5_000;
/** After the name that orders a wildcard, those that only wait for it. */
const WAIT_FOR_OTHER_MS = 10_000;

/** Gets a certificate for every name that is wanted, and keeps it fresh. */
export class AcmeCertificates {
  readonly #parts: AcmeCertificatesParts;
  readonly #schedule: OrderSchedule;
  readonly #nowMs: () => number;
  readonly #pairs = new Map<string, Pair>();
  readonly #running = new Map<string, AbortController>();
  readonly #renewalInfoAtMs = new Map<string, number>();
  /** Wildcards that could not be ordered, and the name whose turn it was: the others under them do not order too. */
  readonly #failedWildcards = new Map<string, { by: string; failure: IssueFailure; retryAtMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #renewalTimer: NodeJS.Timeout | undefined;
  #closed = false;
  #wanting: Promise<void> = Promise.resolve();

  constructor(parts: AcmeCertificatesParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? Date.now;
    const { maxInFlight, random = Math.random, retry } = parts;
    this.#schedule = new OrderSchedule({ maxInFlight, random, ...(retry ? { retry } : {}) });
    this.#renewalTimer = setInterval(() => void this.#askRenewalTimes(), 600_000);
    this.#renewalTimer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#renewalTimer);
    for (const order of this.#running.values()) order.abort();
  }

  contextFor(name: string): SecureContext | undefined {
    return this.#pairs.get(name)?.context;
  }

  pairFor(name: string): Pair | undefined {
    return this.#pairs.get(name);
  }

  /** Names that have a certificate which is still good. */
  get counts(): { ready: number; pending: number; failed: number } {
    const counts = { ready: 0, pending: 0, failed: 0 };
    for (const name of this.#schedule.names) counts[this.#schedule.state(name, this.#nowMs())!.kind] += 1;
    return counts;
  }

  get inFlight(): number {
    return this.#schedule.inFlight;
  }

  /** How orders stand, for the server. */
  get orders(): Pick<
    control.AcmeReport,
    | "ordersInFlight"
    | "ordersWaiting"
    | "maxOrders"
    | "pausedUntilUnixSeconds"
    | "pausedReason"
    | "pausedMessage"
  > {
    const nowMs = this.#nowMs();
    const pause = this.#schedule.pause(nowMs);
    return {
      ordersInFlight: this.#schedule.inFlight,
      ordersWaiting: this.#schedule.waiting(nowMs),
      maxOrders: this.#parts.maxInFlight,
      pausedUntilUnixSeconds: BigInt(Math.ceil((pause?.untilMs ?? 0) / 1000)),
      pausedReason: pause?.failure.reason ?? "",
      pausedMessage: pause?.failure.message ?? "",
    };
  }

  /**
   * Exactly these names need a certificate of ours.
   *
   * @param complete every service is known: what is not wanted now will not come in a moment, and its key is destroyed
   */
  want(names: ReadonlySet<string>, options: { complete: boolean }): Promise<void> {
    // One after the other: the newest wish must be the last one to take effect.
    this.#wanting = this.#wanting.then(() => this.#want(names, options));
    return this.#wanting;
  }

  async #want(names: ReadonlySet<string>, { complete }: { complete: boolean }): Promise<void> {
    const known = new Set(this.#schedule.names);
    const added = [...names].filter((name) => !known.has(name));
    // What is on disk is served at once, and nothing is ordered for it.
    const loaded = new Map<string, Pair>();
    for (const name of added) {
      const stored = await this.#parts.folder.load(name).catch(() => undefined);
      const pair = stored && this.#usablePair(name, stored);
      if (pair !== undefined) loaded.set(name, pair);
    }
    if (this.#closed) return;
    const gone = this.#schedule.want(names, this.#nowMs());
    for (const [name, pair] of loaded) {
      this.#pairs.set(name, pair);
      this.#schedule.hold(name, pair, this.#nowMs());
    }
    for (const name of gone) {
      this.#running.get(name)?.abort();
      this.#pairs.delete(name);
      this.#renewalInfoAtMs.delete(name);
      if (!complete) continue;
      await this.#parts.folder.remove(name).catch((error: Error) => {
        this.#parts.log.warn({ domain: name, reason: error.message }, "certificate could not be removed");
      });
    }
    if (added.length > 0 || gone.length > 0) this.#parts.onChange([...added, ...gone]);
    this.#run();
  }

  report(name: string): control.CertificateReport | undefined {
    const state = this.#schedule.state(name, this.#nowMs());
    if (state === undefined) return undefined;
    const pair = this.#pairs.get(name);
    const report = {
      state: CertificateState.CERTIFICATE_STATE_READY as control.CertificateState,
      source: "acme",
      expiresAtUnixSeconds: BigInt(Math.floor((pair?.notAfterMs ?? 0) / 1000)),
      issuedAtUnixSeconds: BigInt(Math.floor((pair?.notBeforeMs ?? 0) / 1000)),
      reason: "",
      message: "",
    };
    switch (state.kind) {
      case "ready":
        // Served, but the next one does not come: worth knowing long before it expires.
        return { ...report, reason: state.failure?.reason ?? "", message: state.failure?.message ?? "" };
      case "pending":
        return {
          ...report,
          state: CertificateState.CERTIFICATE_STATE_PENDING,
          reason: "certificate.pending",
          message: state.issuing ? "the certificate is being ordered" : "the order waits for its turn",
        };
      case "failed":
        return {
          ...report,
          state: CertificateState.CERTIFICATE_STATE_FAILED,
          reason: state.failure.reason,
          message: `${state.failure.message}; next attempt at ${new Date(state.retryAtMs).toISOString()}`,
        };
    }
  }

  /** When a certificate in use expires. */
  nextChangeMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const { notAfterMs } of this.#pairs.values()) {
      if (notAfterMs > nowMs && (next === undefined || notAfterMs < next)) next = notAfterMs;
    }
    return next;
  }

  /** DNS credentials for these domains are new or changed: what failed at or under them is ordered again. */
  retryUnder(domains: readonly string[]): void {
    const isMeant = (name: string) =>
      domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
    for (const wildcard of this.#failedWildcards.keys()) {
      if (isMeant(wildcard.slice(2))) this.#failedWildcards.delete(wildcard);
    }
    if (this.#schedule.retry(isMeant, this.#nowMs())) this.#run();
  }

  /** Starts what is due; to be called when the clock was moved. */
  wake(): void {
    this.#run();
  }

  #run(): void {
    if (this.#closed) return;
    for (const name of this.#schedule.tick(this.#nowMs())) void this.#obtain(name);
    clearTimeout(this.#timer);
    const nextMs = this.#schedule.nextDeadlineMs();
    if (nextMs === undefined) return;
    // Looked at now and then in any case: the machine's clock may be put right.
    const waitMs = Math.min(Math.max(nextMs - this.#nowMs(), 10), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#run(), waitMs);
    this.#timer.unref();
  }

  async #obtain(name: string): Promise<void> {
    const { log, vault } = this.#parts;
    const controller = new AbortController();
    this.#running.set(name, controller);
    try {
      const held = this.#pairs.get(name);
      const acquired = await vault.acquire(name, held === undefined ? "" : pairFingerprint(held));
      if (acquired.kind === "busy") {
        const waitMs = acquired.retryInMs * (0.75 + 0.5 * Math.random());
        this.#schedule.postponed(name, this.#nowMs() + waitMs);
      } else if (acquired.kind === "certificate") {
        const pair = this.#usablePair(name, acquired.pair);
        if (pair === undefined) throw new Error("the stored certificate is not usable");
        this.#schedule.adopted(name, pair, this.#nowMs());
        await this.#use(name, pair, acquired.pair);
      } else {
        await this.#order(name, acquired.lease, controller);
      }
    } catch (error) {
      // The vault: nothing was asked of the authority.
      log.warn({ domain: name, reason: (error as Error).message }, "certificate store does not answer");
      this.#schedule.postponed(name, this.#nowMs() + VAULT_RETRY_MS);
    } finally {
      if (this.#running.get(name) === controller) this.#running.delete(name);
      this.#run();
    }
  }

  /** Never throws. */
  async #order(name: string, lease: Lease, controller: AbortController): Promise<void> {
    const { authority, challenges, publish, log, onOrder, onChange } = this.#parts;
    const { orderName, dns } = lease;
    const before = this.#failedWildcards.get(orderName);
    if (before !== undefined && before.by !== name && before.retryAtMs > this.#nowMs()) {
      this.#schedule.failedWith(name, before.failure, before.retryAtMs + WAIT_FOR_OTHER_MS);
      onChange([name]);
      await lease.release().catch(() => {});
      return;
    }
    const startedMs = performance.now();
    const lost = () => controller.abort(new Error("another proxy took the order over"));
    lease.lost.addEventListener("abort", lost, { once: true });
    let issued: IssuedPair | undefined;
    try {
      onChange([name]);
      const { signal } = controller;
      issued = await authority.order({ name: orderName, challenges, publish, dns, signal });
      const pair = makePair(issued.certPem, issued.keyPem, `the certificate of ${name}`);
      this.#failedWildcards.delete(orderName);
      this.#schedule.succeeded(name, pair);
      await this.#use(name, pair, issued);
      onOrder?.("ok");
      log.info({ domain: name, durationMs: Math.round(performance.now() - startedMs) }, "certificate issued");
    } catch (error) {
      const notTheAuthority = controller.signal.aborted || error instanceof VaultUnavailable;
      if (notTheAuthority) this.#schedule.postponed(name, this.#nowMs() + VAULT_RETRY_MS);
      else {
        const failure = classifyFailure(error, orderName);
        const retryAtMs = this.#schedule.failed(name, failure, this.#nowMs());
        if (orderName !== name) this.#failedWildcards.set(orderName, { by: name, failure, retryAtMs });
        onOrder?.("error");
        log.warn({ domain: name, code: failure.reason, reason: failure.message }, "certificate order failed");
        onChange([name]);
      }
    }
    lease.lost.removeEventListener("abort", lost);
    // The certificate serves already; that the others do not get it is no reason to order another one.
    await (issued === undefined ? lease.release() : lease.save(issued)).catch((error: Error) => {
      log.warn({ domain: name, reason: error.message }, "certificate could not be stored for the cluster");
    });
  }

  async #use(name: string, pair: Pair, issued: IssuedPair): Promise<void> {
    const wanted = this.#schedule.state(name, this.#nowMs()) !== undefined;
    if (!wanted) return;
    this.#pairs.set(name, pair);
    await this.#parts.folder.save(name, issued).catch((error: Error) => {
      this.#parts.log.error(
        { domain: name, reason: error.message },
        "certificate could not be written to disk",
      );
    });
    this.#parts.onChange([name]);
    void this.#askRenewalTime(name);
  }

  #usablePair(name: string, { certPem, keyPem }: IssuedPair): Pair | undefined {
    try {
      const pair = makePair(certPem, keyPem, `the certificate of ${name}`);
      return covers(pair, name) ? pair : undefined;
    } catch (error) {
      this.#parts.log.error(
        { domain: name, reason: (error as Error).message },
        "stored certificate is not usable",
      );
      return undefined;
    }
  }

  async #askRenewalTimes(): Promise<void> {
    for (const name of [...this.#pairs.keys()]) {
      if ((this.#renewalInfoAtMs.get(name) ?? 0) <= this.#nowMs()) await this.#askRenewalTime(name);
    }
  }

  /** RFC 9773: a random time in the window that the authority suggests; how long until we ask again is its choice too. */
  async #askRenewalTime(name: string): Promise<void> {
    const pair = this.#pairs.get(name);
    const id = pair && certificateId(pair.leaf);
    if (id === undefined) return;
    const { random = Math.random, authority } = this.#parts;
    this.#renewalInfoAtMs.set(name, this.#nowMs() + RENEWAL_INFO_MS);
    // Without an answer two thirds of the lifetime stand.
    const window = await authority.renewalWindow(id).catch(() => undefined);
    if (window === undefined) return;
    this.#schedule.renewAt(name, window.startMs + (window.endMs - window.startMs) * random());
    if (window.retryAfterMs !== undefined) {
      const waitMs = Math.min(Math.max(window.retryAfterMs, 60_000), 24 * 3_600_000);
      this.#renewalInfoAtMs.set(name, this.#nowMs() + waitMs);
    }
    this.#run();
  }
}
