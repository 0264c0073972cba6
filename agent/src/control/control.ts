import { setTimeout as sleep } from "node:timers/promises";
import type { agent } from "@netbird-proxy/proto/grpc";
import { keyToBase64, publicKeyOf } from "@netbird-proxy/tunnel";
import type { AgentConfig } from "../config.ts";
import type { Logger } from "../log.ts";
import { type Identity, saveIdentity } from "../state/identity.ts";
import { Backoff } from "./backoff.ts";
import { enroll } from "./enroll.ts";
import { peerMeta } from "./peer-meta.ts";
import type { Failure } from "./server-answer.ts";
import { openSync, type SyncStream } from "./sync.ts";

/** A stream that lived this long was a working one: the next attempt comes at once again. */
const STABLE_STREAM_MS = 5_000;

/** How often a failure that stays the same is repeated in the log. */
const REPEAT_LOG_MS = 60_000;

/** The server refused this peer for good. The message says what to do. */
export class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, message: string, remedy: string) {
    super(remedy === "" ? message : `${message}. ${remedy}`.replace(/([.!?])\. /, "$1 "));
    this.name = "RefusedError";
    this.code = code;
  }
}

export interface ControlPorts {
  config: Pick<AgentConfig, "management" | "setupKey" | "name" | "stateDir">;
  log: Logger;
  onState(state: agent.AgentState): void;
  /** The server does not know this peer any more; its tunnels must go. */
  onRemoved(): void;
  random: () => number;
}

export interface ControlStatus {
  connected: boolean;
  /** Milliseconds since the epoch of the last change of `connected`. */
  sinceMs: number;
  /** Why the last attempt failed; empty while connected. */
  lastError: string;
}

/** Joins, then keeps the Sync stream open through everything that can happen to a server. */
export class Control {
  readonly #ports: ControlPorts;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #identity: Identity;
  #stream: SyncStream | undefined;
  #status: ControlStatus = { connected: false, sinceMs: Date.now(), lastError: "" };
  #logged = { message: "", atMs: 0 };

  constructor(identity: Identity, ports: ControlPorts) {
    this.#identity = identity;
    this.#ports = ports;
    this.#backoff = new Backoff({ firstMs: 200, capMs: 5_000, random: ports.random });
  }

  get status(): ControlStatus {
    return this.#status;
  }

  get membership() {
    return this.#identity.membership;
  }

  /**
   * Runs until {@link stop}.
   *
   * @throws {RefusedError} when the server refuses this peer for good
   * @throws {StateError} when what the server gave us cannot be saved
   */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const failure = await (this.#identity.membership === undefined ? this.#join() : this.#sync());
      if (signal.aborted) return;
      if (failure !== undefined) await this.#afterFailure(failure);
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#stream?.close();
  }

  report(report: agent.AgentReport): void {
    if (this.#status.connected) this.#stream?.report(report);
  }

  async #join(): Promise<Failure | undefined> {
    const { config, log } = this.#ports;
    const { privateKey } = this.#identity;
    const enrolled = await enroll(
      config.management,
      {
        setupKey: config.setupKey ?? "",
        publicKey: keyToBase64(publicKeyOf(privateKey)),
        meta: peerMeta(),
        name: config.name,
      },
      this.#stop.signal,
    );
    if (!enrolled.ok) return enrolled.failure;
    const { membership } = enrolled;
    // An answer that cannot be kept is worth nothing: the next start asks again with the same key and gets the same peer.
    saveIdentity(config.stateDir, { privateKey, membership });
    this.#identity = { privateKey, membership };
    log.info({ peer_id: membership.peerId, address: enrolled.address }, "joined");
    return undefined;
  }

  async #sync(): Promise<Failure | undefined> {
    const { config, log, onState } = this.#ports;
    const { privateKey, membership } = this.#identity;
    let openedMs = 0;
    const stream = openSync({
      management: config.management,
      token: membership!.token,
      hello: { meta: peerMeta(), publicKey: keyToBase64(publicKeyOf(privateKey)) },
      onState: (state) => {
        if (!this.#status.connected) {
          openedMs = Date.now();
          this.#status = { connected: true, sinceMs: openedMs, lastError: "" };
          this.#logged = { message: "", atMs: 0 };
          log.info({ management_url: config.management.url }, "in sync with the management server");
        }
        onState(state);
      },
    });
    this.#stream = stream;
    const failure = await stream.ended;
    this.#stream = undefined;
    if (openedMs > 0 && Date.now() - openedMs > STABLE_STREAM_MS) this.#backoff.reset();
    if (failure.kind !== "unauthenticated") return failure;
    this.#removed(failure);
    // Joining comes next; the wait before it keeps two hosts with one identity from chasing each other at full speed.
    return { kind: "unreachable", message: failure.message };
  }

  /** The peer was deleted, or its token replaced by another enrolment of the same key. */
  #removed(failure: Failure): void {
    const { config, log, onRemoved } = this.#ports;
    const peerId = this.#identity.membership!.peerId;
    onRemoved();
    if (config.setupKey === undefined)
      throw new RefusedError(
        "peer.not_found",
        `the server no longer accepts peer ${peerId} (${failure.message}): it was deleted, or its identity was copied ` +
          "to another host that joined after this one",
        "Start the agent with --setup-key (NB_SETUP_KEY) to join again.",
      );
    log.warn(
      { peer_id: peerId, why: failure.message },
      "the server no longer accepts this peer; joining again with the setup key",
    );
    this.#logged = { message: failure.message, atMs: Date.now() };
    // Only in memory: the file is replaced when the server has answered.
    this.#identity = { privateKey: this.#identity.privateKey };
  }

  async #afterFailure(failure: Failure): Promise<void> {
    const { config, log } = this.#ports;
    if (this.#status.connected) this.#status = { connected: false, sinceMs: Date.now(), lastError: "" };
    this.#status = { ...this.#status, lastError: failure.message };
    const joining = this.#identity.membership === undefined;
    if (joining && failure.kind !== "unreachable")
      throw new RefusedError(
        failure.kind === "refused" ? failure.code : "",
        failure.message,
        failure.kind === "refused" ? failure.hint : "",
      );
    const waitMs = this.#backoff.nextMs();
    const repeated =
      this.#logged.message === failure.message && Date.now() - this.#logged.atMs < REPEAT_LOG_MS;
    if (!repeated) {
      this.#logged = { message: failure.message, atMs: Date.now() };
      log.warn(
        { management_url: config.management.url, why: failure.message, wait_ms: waitMs },
        joining
          ? "waiting for the management server to join"
          : "waiting for the management server; known proxies keep working",
      );
    }
    await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}
