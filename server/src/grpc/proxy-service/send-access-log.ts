import type { handleUnaryCall } from "@grpc/grpc-js";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { formatAddress, parseAddress } from "../../domain/ip-network.ts";
import { newId } from "../../domain/xid.ts";
import type { AccessLogEntry } from "../../store/access-logs.ts";
import { getAccount } from "../../store/accounts.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";
import type { AccessLogWriter } from "./access-log-writer.ts";

type Request = management.SendAccessLogRequest;
type Response = management.SendAccessLogResponse;

// Longer ones do not come from people, and a table of them helps nobody.
const MAX_PATH = 8_192;

/** One finished request, connection or flow. Source: reference §12. */
export function sendAccessLog(
  { context, log }: GrpcPorts,
  writer: AccessLogWriter,
): handleUnaryCall<Request, Response> {
  const { store, nowMs } = context;
  const knownAccounts = new Set<string>();
  return unary<Request, Response>(log, async (call) => {
    const entry = call.request.log;
    if (!entry) throw new AppError("request.invalid", "log is required", { path: "log" });
    const { accountId } = entry;
    // Requests for hosts that nobody has belong to no account; there is nobody to show them to.
    if (accountId === "") return {};
    requireAccount(proxyCallerOf(call).token, accountId);
    if (!knownAccounts.has(accountId)) {
      if (!(await getAccount(store.db, accountId as AccountId))) return {};
      knownAccounts.add(accountId);
    }
    await writer.write(toEntry(entry, nowMs()));
    return {};
  });
}

function toEntry(log: management.AccessLog, nowMs: number): AccessLogEntry {
  const { timestamp } = log;
  const protocol = log.protocol.slice(0, 16);
  return {
    id: log.logId.slice(0, 64) || newId(),
    accountId: log.accountId as AccountId,
    serviceId: log.serviceId.slice(0, 40),
    timestamp: timestamp ? Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6) : nowMs,
    method: log.method.slice(0, 32),
    host: log.host.slice(0, 255),
    path: log.path.slice(0, MAX_PATH),
    durationMs: Number(log.durationMs),
    statusCode: log.responseCode,
    sourceIp: unmapped(log.sourceIp).slice(0, 45),
    reason: reasonOf(log, protocol),
    userId: log.userId.slice(0, 255),
    authMethod: log.authMechanism.slice(0, 64),
    bytesUpload: Number(log.bytesUpload),
    bytesDownload: Number(log.bytesDownload),
    protocol,
    countryCode: "",
    cityName: "",
    subdivisionCode: "",
    metadata: log.metadata,
  };
}

function reasonOf({ authSuccess, responseCode }: management.AccessLog, protocol: string): string {
  if (protocol === "tcp" || protocol === "tls" || protocol === "udp") return "";
  if (!authSuccess) return "Authentication failed";
  return responseCode >= 400 ? "Request failed" : "";
}

/** An IPv4 client of a dual-stack listener shows as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2). */
function unmapped(ip: string): string {
  const address = parseAddress(ip);
  if (address?.family !== 6 || address.value >> 32n !== 0xffffn) return ip;
  return formatAddress(4, address.value & 0xffff_ffffn);
}
