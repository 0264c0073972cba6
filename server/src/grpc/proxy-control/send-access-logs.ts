import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { control } from "@netbird-proxy/proto/grpc";
import type { AccessLogSink } from "../access-log-sink.ts";
import { proxyCallerOf } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = control.SendAccessLogsRequest;
type Response = control.SendAccessLogsResponse;

const MAX_LOGS = 1_000;

/** Many finished requests in one call: what a call costs is then shared by all of them. */
export function sendAccessLogs({ log }: GrpcPorts, sink: AccessLogSink): handleUnaryCall<Request, Response> {
  return unary<Request, Response>(log, async (call) => {
    const { logs } = call.request;
    if (logs.length > MAX_LOGS) {
      throw new AppError("request.invalid", `at most ${MAX_LOGS} entries fit a call`, { path: "logs" });
    }
    await sink.take(logs, proxyCallerOf(call).token);
    return {};
  });
}
