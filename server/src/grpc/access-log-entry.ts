import type { AccountId } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { formatAddress, parseAddress } from "../domain/ip-network.ts";
import { newId } from "../domain/xid.ts";
import type { AccessLogEntry } from "../store/access-logs.ts";

// Longer ones do not come from people, and a table of them helps nobody.
const MAX_PATH = 8_192;

/** Where an address is registered: two letters, or empty when it is not known. */
export type CountryLookup = (address: string) => string;

/** @param nowMs for entries without a time */
export function accessLogEntry(
  log: management.AccessLog,
  nowMs: number,
  countryOf: CountryLookup,
): AccessLogEntry {
  const { timestamp } = log;
  const protocol = log.protocol.slice(0, 16);
  const sourceIp = unmapped(log.sourceIp).slice(0, 45);
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
    sourceIp,
    reason: reasonOf(log, protocol),
    userId: log.userId.slice(0, 255),
    authMethod: log.authMechanism.slice(0, 64),
    bytesUpload: Number(log.bytesUpload),
    bytesDownload: Number(log.bytesDownload),
    protocol,
    countryCode: countryOf(sourceIp),
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
