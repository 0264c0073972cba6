import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type ConnInfo, GRPCBrokerService } from "@netbird-proxy/proto/goplugin";

export const brokerService = GRPCBrokerService;

/** Holds the stream open; providers need no side connections. */
export const brokerImplementation = {
  startStream(call: ServerDuplexStream<ConnInfo, ConnInfo>) {
    call.on("error", () => {});
    call.on("data", () => {});
    call.on("end", () => call.end());
  },
};
