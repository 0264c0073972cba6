import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { AccountId } from "@netbird-proxy/proto";
import type { control } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import { Backoff } from "./backoff.ts";
import type { ManagementClient } from "./management-client.ts";
import { isUnimplemented, streamFailure } from "./stream-failure.ts";

export interface TunnelStreamParts {
  readonly client: ManagementClient;
  readonly log: Logger;
  readonly hello: control.TunnelHello;
  readonly publicKey: (accountId: AccountId) => string;
  readonly onState: (state: control.TunnelState) => void;
  /** The server has no such stream. */
  readonly onUnsupported: () => void;
  readonly backoff?: Backoff;
}

/** A stock server may be replaced by ours while we run. */
const UNSUPPORTED_RETRY_MS = 60_000;

/** Keeps the tunnel stream: announces the accounts this proxy serves, takes in their tunnel states. */
export class TunnelStream {
  readonly #parts: TunnelStreamParts;
  readonly #backoff: Backoff;
  #accounts: ReadonlySet<AccountId> = new Set();
  #announced = new Set<AccountId>();
  #stream: ClientDuplexStream<control.SyncTunnelRequest, control.TunnelState> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #lastComplaint = "";

  constructor(parts: TunnelStreamParts) {
    this.#parts = parts;
    this.#backoff = parts.backoff ?? new Backoff();
  }

  start(): void {
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stream?.cancel();
  }

  /** The accounts with a service on this proxy, from now on. */
  setAccounts(accounts: ReadonlySet<AccountId>): void {
    this.#accounts = new Set(accounts);
    if (this.#stream !== undefined) this.#announce(this.#stream);
  }

  #announce(stream: ClientDuplexStream<control.SyncTunnelRequest, control.TunnelState>): void {
    for (const accountId of this.#announced) {
      if (this.#accounts.has(accountId)) continue;
      this.#announced.delete(accountId);
      stream.write({ msg: { $case: "leaveAccountId", value: accountId } });
    }
    for (const accountId of this.#accounts) {
      if (this.#announced.has(accountId)) continue;
      this.#announced.add(accountId);
      const publicKey = this.#parts.publicKey(accountId);
      stream.write({ msg: { $case: "account", value: { accountId, publicKey } } });
    }
  }

  #open(): void {
    if (this.#stopped) return;
    const { client, hello, log, onState, onUnsupported } = this.#parts;
    const stream = client.proxyControl.syncTunnel(client.metadata);
    this.#stream = stream;
    this.#announced = new Set();
    let over = false;
    const end = (error: unknown) => {
      if (over) return;
      over = true;
      this.#stream = undefined;
      if (this.#stopped) return;
      let waitMs: number;
      if (isUnimplemented(error)) {
        waitMs = UNSUPPORTED_RETRY_MS;
        onUnsupported();
      } else {
        const failure = streamFailure(error);
        waitMs = this.#backoff.nextMs(failure.waitAtLeastMs);
        const complaint = `${failure.name} ${failure.message}`;
        log[this.#lastComplaint === complaint ? "debug" : "warn"](
          { code: failure.name, reason: failure.message, waitMs },
          "tunnel stream lost; tunnels stay as they are",
        );
        this.#lastComplaint = complaint;
      }
      this.#timer = setTimeout(() => this.#open(), waitMs);
      this.#timer.unref();
    };
    stream.on("data", (state: control.TunnelState) => {
      this.#backoff.reset();
      this.#lastComplaint = "";
      try {
        onState(state);
      } catch (error) {
        log.error({ accountId: state.accountId, err: error }, "tunnel state could not be applied");
      }
    });
    stream.on("error", end);
    stream.on("end", () => end(new Error("the server ended the stream")));
    stream.write({ msg: { $case: "hello", value: hello } });
    this.#announce(stream);
  }
}
