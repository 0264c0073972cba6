import type { management } from "@netbird-proxy/proto/grpc";
import { findingMetadata } from "../access/restrict-address.ts";
import type { Exchange } from "../exchange.ts";

/** Ways to get in that say who it was; of the others every caller is the same. */
const named = new Set(["oidc", "token", "link", "certificate", "tunnel"]);

/** The access log record of a finished HTTP request, as NetBird's proxy fills it in. */
export function requestRecord(x: Exchange, nowMs: number, complete: boolean): management.AccessLog {
  const { service, down } = x;
  const mechanism = x.authMechanism;
  const metadata = findingMetadata(x.findings);
  // 499: the visitor left before the answer was complete. The status alone would say that all was well.
  if (!complete) metadata.aborted = "true";
  if (x.answer !== undefined) metadata.answer = x.answer.code;
  if (x.target !== undefined && x.route!.targets.length > 1) metadata.target = x.target.authority;
  if (x.failedOver > 0) metadata.failed_over = String(x.failedOver);
  return {
    timestamp: timestamp(nowMs),
    logId: x.requestId,
    accountId: service?.accountId ?? "",
    serviceId: service?.id ?? "",
    host: x.host,
    path: x.path,
    durationMs: BigInt(Math.round(performance.now() - x.startedMs)),
    method: down.method,
    responseCode: x.status === 0 ? 499 : x.status,
    sourceIp: x.clientAddress === "" ? down.connection.remoteAddress : x.clientAddress,
    authMechanism: mechanism,
    userId: named.has(mechanism) ? (x.caller?.userId ?? "") : "",
    // Said by us, not read off the backend's status: a backend's own 401 is no failed login here.
    authSuccess: x.answer === undefined || x.status < 400 || !x.answer.code.startsWith("access."),
    bytesUpload: BigInt(x.bytesReceived),
    bytesDownload: BigInt(down.bytesSent + x.upgradedBytesSent),
    protocol: "http",
    metadata,
    agentNetwork: false,
  };
}

export function timestamp(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.floor((ms % 1000) * 1e6) };
}
