import {
  status as grpcStatus,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { agent } from "@netbird-proxy/proto/grpc";

export interface Refusal {
  grpc: number;
  code?: string;
  message: string;
  hint?: string;
}

type Stream = ServerDuplexStream<agent.AgentMessage, agent.AgentState>;

/** AgentService on a real gRPC port, doing what a test says. */
export class ManagementServer {
  port = 0;
  /** Enrolments asked for, refused ones included. */
  readonly enrolled: agent.EnrollRequest[] = [];
  /** Hellos of Sync streams, with the token they came with. */
  readonly hellos: { token: string; hello: agent.AgentHello }[] = [];
  readonly reports: agent.AgentReport[] = [];
  /** What Sync answers the hello with; undefined leaves the agent waiting. */
  state: agent.AgentState | undefined;
  refuseEnroll: Refusal | undefined;
  refuseSync: Refusal | undefined;
  /** Tokens that Sync accepts. */
  readonly tokens = new Set<string>();
  readonly #streams = new Set<Stream>();
  #server: Server | undefined;
  #issued = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Listens again on the same port after {@link stop}. */
  async start(credentials = ServerCredentials.createInsecure()): Promise<void> {
    const server = new Server();
    const implementation: agent.AgentServiceServer = {
      enroll: (call, callback) => {
        this.enrolled.push(call.request);
        if (this.refuseEnroll) return callback(failure(this.refuseEnroll));
        this.#issued += 1;
        const token = `nba_${this.#issued}`;
        this.tokens.add(token);
        callback(null, { peerId: "peer-1", token, address: "100.64.0.5", addressV6: "" });
      },
      sync: (call) => {
        const token = String(call.metadata.get("authorization")[0] ?? "").replace("Bearer ", "");
        call.on("error", () => {});
        if (this.refuseSync) return void call.emit("error", failure(this.refuseSync));
        if (!this.tokens.has(token))
          return void call.emit(
            "error",
            failure({ grpc: grpcStatus.UNAUTHENTICATED, message: "unknown token" }),
          );
        this.#streams.add(call);
        call.on("data", ({ msg }: agent.AgentMessage) => {
          if (msg?.$case === "hello") {
            this.hellos.push({ token, hello: msg.value });
            if (this.state) call.write(this.state);
          } else if (msg?.$case === "report") {
            this.reports.push(msg.value);
          }
        });
        call.on("end", () => {
          this.#streams.delete(call);
          call.end();
        });
        call.on("cancelled", () => this.#streams.delete(call));
      },
    };
    server.addService(agent.AgentServiceService, implementation);
    this.port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    this.#server = server;
  }

  /** Sends a state to every connected agent. */
  push(state: agent.AgentState): void {
    this.state = state;
    for (const stream of this.#streams) stream.write(state);
  }

  /** Ends every stream as a server does that deleted the peer. */
  deletePeer(): void {
    this.tokens.clear();
    for (const stream of this.#streams)
      stream.emit("error", failure({ grpc: grpcStatus.UNAUTHENTICATED, message: "peer was deleted" }));
    this.#streams.clear();
  }

  get connected(): number {
    return this.#streams.size;
  }

  /** Drops connections without a goodbye, as a crash does. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#streams.clear();
  }
}

function failure({ grpc, code, message, hint = "" }: Refusal) {
  const metadata = new Metadata();
  if (code) metadata.set("netbird-error", JSON.stringify({ code, message, hint }));
  return Object.assign(new Error(message), { code: grpc, details: message, metadata });
}

export function stateWith(changes: Partial<agent.AgentState> = {}): agent.AgentState {
  return {
    revision: 7n,
    peerId: "peer-1",
    name: "web",
    address: "100.64.0.5",
    addressV6: "fd00::5",
    proxies: [],
    routes: [],
    rules: [],
    ...changes,
  };
}
