import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import type { AccessLogSink } from "../access-log-sink.ts";
import { proxyCallerOf } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = management.SendAccessLogRequest;
type Response = management.SendAccessLogResponse;

/** One finished request, connection or flow. Source: reference §12. */
export function sendAccessLog({ log }: GrpcPorts, sink: AccessLogSink): handleUnaryCall<Request, Response> {
  return unary<Request, Response>(log, async (call) => {
    const entry = call.request.log;
    if (!entry) throw new AppError("request.invalid", "log is required", { path: "log" });
    await sink.take([entry], proxyCallerOf(call).token);
    return {};
  });
}
