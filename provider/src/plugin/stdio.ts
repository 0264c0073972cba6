import type { ServerWritableStream } from "@grpc/grpc-js";
import { GRPCStdioService, type StdioData } from "@netbird-proxy/proto/goplugin";

export const stdioService = GRPCStdioService;

/** Holds the stream open and silent: anything sent is logged as unexpected. */
export const stdioImplementation = {
  streamStdio(call: ServerWritableStream<object, StdioData>) {
    call.on("error", () => {});
  },
};
