import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { management } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import { Backoff } from "./backoff.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented, streamFailure } from "./stream-failure.ts";

/** Mappings as they come from the server, whichever of the two streams carries them. */
export interface MappingBatch {
  readonly mappings: readonly management.ProxyMapping[];
  /** The services that exist now: everything else goes. Undefined in the middle of a snapshot and for increments. */
  readonly retain: ReadonlySet<string> | undefined;
  /** State after this batch; undefined when the server did not say. */
  readonly position: { epoch: string; revision: bigint } | undefined;
  /** The snapshot or delta that starts a stream is complete with this batch. */
  readonly synchronised: boolean;
}

export interface MappingStreamParts {
  readonly client: ManagementClient;
  readonly log: Logger;
  readonly init: () => management.SyncMappingsInit;
  /** Applies a batch completely before it resolves. @returns what the acknowledgement says */
  readonly apply: (batch: MappingBatch) => Promise<management.SyncMappingsAck>;
  /** `true` when the server has accepted the stream, `false` when it is lost. */
  readonly onConnected: (connected: boolean) => void;
  readonly backoff?: Backoff;
}

interface Message {
  mapping: management.ProxyMapping[];
  initialSyncComplete: boolean;
  revision: bigint;
  epoch: string;
  delta: boolean;
}

/**
 * Keeps a control stream to the management server: SyncMappings, or GetMappingUpdate with servers that do not have it.
 * Messages are applied one after the other and acknowledged after that; a lost stream is opened again for ever.
 */
export class MappingStream {
  readonly #parts: MappingStreamParts;
  readonly #backoff: Backoff;
  #legacy = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #cancel: (() => void) | undefined;
  #lastComplaint = "";

  constructor(parts: MappingStreamParts) {
    this.#parts = parts;
    this.#backoff = parts.backoff ?? new Backoff();
  }

  start(): void {
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#cancel?.();
  }

  #open(): void {
    if (this.#stopped) return;
    const session = this.#legacy ? this.#openLegacy() : this.#openSync();
    session.then(
      () => {
        this.#cancel = undefined;
        this.#again(new Error("the server ended the stream"));
      },
      (error: unknown) => {
        this.#cancel = undefined;
        if (!this.#legacy && isUnimplemented(error)) {
          this.#parts.log.info("the server has no SyncMappings; using GetMappingUpdate");
          this.#legacy = true;
          this.#open();
          return;
        }
        this.#again(error);
      },
    );
  }

  #again(error: unknown): void {
    this.#cancel = undefined;
    if (this.#stopped) return;
    const failure = streamFailure(error);
    const waitMs = this.#backoff.nextMs(failure.waitAtLeastMs);
    const fields = { code: failure.name, reason: failure.message, waitMs, hint: failure.hint || undefined };
    // The same complaint every few seconds for a night says nothing new.
    const complaint = `${failure.name} ${failure.message}`;
    const level = this.#lastComplaint === complaint ? "debug" : failure.permanent ? "error" : "warn";
    this.#lastComplaint = complaint;
    this.#parts.log[level](fields, "control stream lost; serving the last known configuration");
    this.#timer = setTimeout(() => this.#open(), waitMs);
  }

  #openSync(): Promise<void> {
    const { client, init } = this.#parts;
    const stream: ClientDuplexStream<management.SyncMappingsRequest, management.SyncMappingsResponse> =
      client.proxyService.syncMappings(client.metadata);
    this.#cancel = () => stream.cancel();
    const session = this.#run(
      stream,
      (message) => message,
      (ack) => {
        stream.write({ msg: { $case: "ack", value: ack } });
      },
    );
    stream.write({ msg: { $case: "init", value: init() } });
    return session;
  }

  #openLegacy(): Promise<void> {
    const { client, init } = this.#parts;
    const { proxyId, version, startedAt, address, capabilities } = init();
    const stream = client.proxyService.getMappingUpdate(
      { proxyId, version, startedAt, address, capabilities },
      client.metadata,
    );
    this.#cancel = () => stream.cancel();
    return this.#run(
      stream,
      (message) => ({ ...message, revision: 0n, epoch: "", delta: false }),
      () => {},
    );
  }

  #run<M>(
    stream: ClientReadableStream<M>,
    read: (message: M) => Message,
    acknowledge: (ack: management.SyncMappingsAck) => void,
  ): Promise<void> {
    const { apply, onConnected, log } = this.#parts;
    let accepted = false;
    let over = false;
    let synchronised = false;
    let seen: Set<string> | undefined;
    let work = Promise.resolve();

    const take = async (message: Message): Promise<void> => {
      if (over) return;
      // A stream that starts with a snapshot names every service there is; ids that it does not name are gone.
      if (!synchronised && !message.delta) {
        seen ??= new Set();
        for (const { id, type } of message.mapping) {
          if (type === management.ProxyMappingUpdateType.UPDATE_TYPE_REMOVED) seen.delete(id);
          else seen.add(id);
        }
      }
      const completes = !synchronised && message.initialSyncComplete;
      const ack = await apply({
        mappings: message.mapping,
        retain: completes ? seen : undefined,
        position:
          message.revision > 0n || message.epoch !== ""
            ? { epoch: message.epoch, revision: message.revision }
            : undefined,
        synchronised: completes,
      });
      if (completes) {
        synchronised = true;
        seen = undefined;
      }
      if (!over) acknowledge(ack);
    };

    return new Promise((resolve, reject) => {
      const end = (error?: unknown) => {
        if (over) return;
        over = true;
        if (accepted) onConnected(false);
        // What is being applied finishes first: the next stream must not meet it half done.
        work.then(() => (error === undefined ? resolve() : reject(error)), reject);
      };
      stream.on("data", (raw: M) => {
        if (!accepted) {
          accepted = true;
          // Only now: a connection that stands says nothing about token, domain or id.
          this.#backoff.reset();
          this.#lastComplaint = "";
          log.info("control stream established");
          onConnected(true);
        }
        stream.pause();
        work = work
          .then(() => take(read(raw)))
          .then(
            () => {
              stream.resume();
            },
            (error: unknown) => {
              log.error({ err: error }, "a batch of mappings could not be applied");
              stream.cancel();
              end(error);
            },
          );
      });
      stream.on("error", end);
      stream.on("end", () => end());
    });
  }
}
