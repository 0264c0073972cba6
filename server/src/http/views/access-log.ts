import type { AccessLog } from "@netbird-proxy/proto/rest";
import type { AccessLogEntry } from "../../store/access-logs.ts";
import { timestamp } from "./timestamp.ts";

export function viewAccessLog(entry: AccessLogEntry): AccessLog {
  const text = <Key extends string>(key: Key, value: string) =>
    value === "" ? {} : ({ [key]: value } as Record<Key, string>);
  return {
    id: entry.id,
    service_id: entry.serviceId,
    timestamp: timestamp(entry.timestamp),
    method: entry.method,
    host: entry.host,
    path: entry.path,
    duration_ms: entry.durationMs,
    status_code: entry.statusCode,
    bytes_upload: entry.bytesUpload,
    bytes_download: entry.bytesDownload,
    ...text("source_ip", entry.sourceIp),
    ...text("reason", entry.reason),
    ...text("user_id", entry.userId),
    ...text("auth_method_used", entry.authMethod),
    ...text("country_code", entry.countryCode),
    ...text("city_name", entry.cityName),
    ...text("subdivision_code", entry.subdivisionCode),
    ...text("protocol", entry.protocol),
    ...(Object.keys(entry.metadata).length === 0 ? {} : { metadata: entry.metadata }),
  };
}
