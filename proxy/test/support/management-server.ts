import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { certificates, control, management } from "@netbird-proxy/proto/grpc";

type SyncStream = ServerDuplexStream<management.SyncMappingsRequest, management.SyncMappingsResponse>;
type UploadedCall = ServerWritableStream<certificates.WatchUploadedRequest, certificates.UploadedChanges>;
type TunnelCall = ServerDuplexStream<control.SyncTunnelRequest, control.TunnelState>;

/**
 * A management server whose every answer the test decides, on the real gRPC transport. Speaks both services unless told
 * to be a stock server.
 */
export class ScriptedManagement {
  readonly inits: management.SyncMappingsInit[] = [];
  readonly acks: management.SyncMappingsAck[] = [];
  readonly reports: control.ReportStateRequest[] = [];
  readonly statuses: management.SendStatusUpdateRequest[] = [];
  readonly accessLogs: management.AccessLog[] = [];
  /** Sizes of the calls that carried many. */
  readonly accessLogBatches: number[] = [];
  /** Instead of taking many at once. */
  refuseAccessLogs: status | undefined;
  readonly tunnelMessages: control.SyncTunnelRequest[] = [];
  readonly authentications: management.AuthenticateRequest[] = [];
  readonly tokens: string[] = [];
  /** Sent when a proxy connects; the test may replace it before. */
  snapshot: management.SyncMappingsResponse[] = [message({ initialSyncComplete: true })];
  /** Instead of accepting the stream. */
  refuse: { code: status; details: string } | undefined;
  authenticate: (request: management.AuthenticateRequest) => Partial<management.AuthenticateResponse> =
    () => ({
      success: false,
      sessionToken: "",
    });
  readonly signIns: management.GetOIDCURLRequest[] = [];
  readonly redemptions: control.RedeemSignInRequest[] = [];
  readonly sessionChecks: management.ValidateSessionRequest[] = [];
  /** Sessions that proxies say were ended, and what they are told was ended elsewhere. */
  readonly endedHere: control.EndSessionRequest[] = [];
  endedElsewhere: control.EndedSession[] = [];
  brandings: control.AccountBranding[] = [];
  /** Undefined answers UNIMPLEMENTED. */
  oidcUrl: ((request: management.GetOIDCURLRequest) => management.GetOIDCURLResponse) | undefined;
  redeem: ((request: control.RedeemSignInRequest) => control.RedeemSignInResponse) | undefined;
  validateSession:
    | ((request: management.ValidateSessionRequest) => Partial<management.ValidateSessionResponse>)
    | undefined;
  /** What proxies said that they have, when they asked for uploaded certificates. */
  readonly uploadedRequests: certificates.WatchUploadedRequest[] = [];
  /** Sent to a proxy that asks for uploaded certificates. */
  uploaded: certificates.UploadedChanges[] = [
    { changed: [], removed: [], synchronised: true, dnsChanged: [] },
  ];
  tunnelState: ((account: control.TunnelAccount) => control.TunnelState | undefined) | undefined;
  port = 0;
  #server = new Server();
  #stream: SyncStream | undefined;
  /** Messages on the current stream that have no acknowledgement yet. */
  #unacknowledged = 0;
  #legacyStream:
    | ServerWritableStream<management.GetMappingUpdateRequest, management.GetMappingUpdateResponse>
    | undefined;
  #tunnelCalls = new Set<TunnelCall>();
  #uploadedCalls = new Set<UploadedCall>();
  readonly #stock: boolean;
  readonly #withoutSync: boolean;

  constructor({ stock = false, withoutSync = false }: { stock?: boolean; withoutSync?: boolean } = {}) {
    this.#stock = stock;
    this.#withoutSync = withoutSync;
  }

  async start(port = this.port): Promise<this> {
    this.#server = new Server();
    const unimplemented = (_call: unknown, callback: (error: object) => void) =>
      callback({ code: status.UNIMPLEMENTED, details: "not here" });
    const withoutStream = (call: { emit(event: string, error: object): void }) =>
      call.emit("error", { code: status.UNIMPLEMENTED, details: "not here" });
    this.#server.addService(management.ProxyServiceService, {
      syncMappings: this.#withoutSync ? withoutStream : (stream: SyncStream) => this.#syncMappings(stream),
      getMappingUpdate: (
        stream: ServerWritableStream<management.GetMappingUpdateRequest, management.GetMappingUpdateResponse>,
      ) => {
        this.#legacyStream = stream;
        this.inits.push(management.SyncMappingsInit.fromPartial(stream.request));
        for (const { mapping, initialSyncComplete } of this.snapshot)
          stream.write({ mapping, initialSyncComplete });
      },
      createProxyPeer: unimplemented,
      sendStatusUpdate: (call: { request: management.SendStatusUpdateRequest }, callback: Callback) => {
        this.statuses.push(call.request);
        callback(null, {});
      },
      sendAccessLog: (call: { request: management.SendAccessLogRequest }, callback: Callback) => {
        this.accessLogs.push(call.request.log!);
        callback(null, {});
      },
      authenticate: (call: { request: management.AuthenticateRequest }, callback: Callback) => {
        this.authentications.push(call.request);
        callback(null, management.AuthenticateResponse.fromPartial(this.authenticate(call.request)));
      },
      getOidcurl: (call: { request: management.GetOIDCURLRequest }, callback: Callback) => {
        this.signIns.push(call.request);
        if (this.oidcUrl === undefined) unimplemented(call, callback);
        else callback(null, this.oidcUrl(call.request));
      },
      validateSession: (call: { request: management.ValidateSessionRequest }, callback: Callback) => {
        this.sessionChecks.push(call.request);
        if (this.validateSession === undefined) unimplemented(call, callback);
        else
          callback(null, management.ValidateSessionResponse.fromPartial(this.validateSession(call.request)));
      },
      validateTunnelPeer: unimplemented,
      checkLlmPolicyLimits: unimplemented,
      recordLlmUsage: unimplemented,
    } as never);
    if (!this.#stock) {
      this.#server.addService(control.ProxyControlService, {
        redeemSignIn: (call: { request: control.RedeemSignInRequest }, callback: Callback) => {
          this.redemptions.push(call.request);
          if (this.redeem === undefined) unimplemented(call, callback);
          else callback(null, this.redeem(call.request));
        },
        endSession: (call: { request: control.EndSessionRequest }, callback: Callback) => {
          this.endedHere.push(call.request);
          callback(null, {});
        },
        listEndedSessions: (_call: unknown, callback: Callback) =>
          callback(null, { sessions: this.endedElsewhere, nowMs: BigInt(Date.now()) }),
        listBrandings: (call: { request: control.ListBrandingsRequest }, callback: Callback) => {
          const version = JSON.stringify(this.brandings);
          callback(null, { version, brandings: version === call.request.version ? [] : this.brandings });
        },
        syncTunnel: (stream: TunnelCall) => this.#syncTunnel(stream),
        reportState: (call: { request: control.ReportStateRequest }, callback: Callback) => {
          this.reports.push(call.request);
          callback(null, { unknownServiceIds: [], sendFull: false });
        },
        sendAccessLogs: (call: { request: control.SendAccessLogsRequest }, callback: Callback) => {
          if (this.refuseAccessLogs !== undefined)
            return callback({ code: this.refuseAccessLogs, details: "" });
          this.accessLogs.push(...call.request.logs);
          this.accessLogBatches.push(call.request.logs.length);
          callback(null, {});
        },
      } as never);
      this.#server.addService(certificates.CertificateStoreService, {
        // The proxy then works with its own folder.
        acquire: unimplemented,
        extend: unimplemented,
        release: unimplemented,
        save: unimplemented,
        publishChallenge: unimplemented,
        presentDns: unimplemented,
        findChallenge: unimplemented,
        accountKey: unimplemented,
        watchUploaded: (stream: UploadedCall) => {
          this.uploadedRequests.push(stream.request);
          this.#uploadedCalls.add(stream);
          stream.on("close", () => this.#uploadedCalls.delete(stream));
          for (const changes of this.uploaded) stream.write(changes);
        },
      } as never);
    }
    this.port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return this;
  }

  stop(): void {
    this.#stream = undefined;
    this.#legacyStream = undefined;
    this.#tunnelCalls.clear();
    this.#uploadedCalls.clear();
    this.#server.forceShutdown();
  }

  get connected(): boolean {
    return this.#stream !== undefined || this.#legacyStream !== undefined;
  }

  /** Sends an increment. */
  push(response: Partial<management.SyncMappingsResponse>): void {
    const full = message(response);
    if (this.#stream !== undefined) this.#send(this.#stream, full);
    else this.#legacyStream?.write({ mapping: full.mapping, initialSyncComplete: full.initialSyncComplete });
  }

  /** Sends increments and waits until they, and whatever was under way before, are acknowledged. */
  async apply(...mappings: management.ProxyMapping[]): Promise<management.SyncMappingsAck> {
    this.push({ mapping: mappings, revision: this.nextRevision(), epoch: "test" });
    await until(() => this.#unacknowledged === 0);
    return this.acks.at(-1)!;
  }

  #revision = 0n;
  nextRevision(): bigint {
    this.#revision += 1n;
    return this.#revision;
  }

  pushTunnel(state: control.TunnelState): void {
    for (const call of this.#tunnelCalls) call.write(state);
  }

  pushUploaded(changes: Partial<certificates.UploadedChanges>): void {
    for (const call of this.#uploadedCalls)
      call.write({ changed: [], removed: [], synchronised: false, dnsChanged: [], ...changes });
  }

  dropStream(): void {
    this.#stream?.emit("error", { code: status.CANCELLED, details: "superseded" });
  }

  /** The newest report of a service. */
  report(serviceId: string): control.ServiceReport | undefined {
    for (let i = this.reports.length - 1; i >= 0; i--) {
      const found = this.reports[i]!.services.find((service) => service.serviceId === serviceId);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #send(stream: SyncStream, response: management.SyncMappingsResponse): void {
    this.#unacknowledged += 1;
    stream.write(response);
  }

  #syncMappings(stream: SyncStream): void {
    this.tokens.push(String(stream.metadata.get("authorization")[0]));
    let waiting: management.SyncMappingsResponse[] = [];
    const sendNext = () => {
      const next = waiting.shift();
      if (next !== undefined) this.#send(stream, next);
    };
    stream.on("data", ({ msg }: management.SyncMappingsRequest) => {
      if (msg?.$case === "init") {
        this.inits.push(msg.value);
        if (this.refuse !== undefined) {
          stream.emit("error", this.refuse);
          return;
        }
        this.#stream = stream;
        this.#unacknowledged = 0;
        waiting = [...this.snapshot];
        sendNext();
      } else if (msg?.$case === "ack") {
        this.acks.push(msg.value);
        if (this.#stream === stream) this.#unacknowledged -= 1;
        // Lock-step, as a stock server does it.
        sendNext();
      }
    });
    stream.on("end", () => stream.end());
    stream.on("close", () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    stream.on("error", () => {});
  }

  #syncTunnel(stream: TunnelCall): void {
    this.#tunnelCalls.add(stream);
    stream.on("data", (request: control.SyncTunnelRequest) => {
      this.tunnelMessages.push(request);
      if (request.msg?.$case === "account") {
        const state = this.tunnelState?.(request.msg.value);
        if (state !== undefined) stream.write(state);
      }
    });
    stream.on("end", () => stream.end());
    stream.on("close", () => this.#tunnelCalls.delete(stream));
    stream.on("error", () => {});
  }
}

type Callback = (error: object | null, response?: object) => void;

export function message(partial: Partial<management.SyncMappingsResponse>): management.SyncMappingsResponse {
  return management.SyncMappingsResponse.fromPartial(partial);
}

/** Waits for a condition of the test; fails with `what` after 10 s. */
export async function until(
  condition: () => unknown,
  what = "the expected state",
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
