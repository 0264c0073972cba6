import type { AccountId } from "@netbird-proxy/proto";
import type { AccessLogEntry } from "../../src/store/access-logs.ts";

export function accessLogEntry(
  accountId: AccountId,
  id: string,
  change: Partial<AccessLogEntry> = {},
): AccessLogEntry {
  return {
    id,
    accountId,
    serviceId: "service",
    timestamp: Date.parse("2026-08-22T10:00:00.000Z"),
    method: "GET",
    host: "shop.example.com",
    path: "/",
    durationMs: 5,
    statusCode: 200,
    sourceIp: "198.51.100.1",
    reason: "",
    userId: "",
    authMethod: "",
    bytesUpload: 1,
    bytesDownload: 2,
    protocol: "http",
    countryCode: "",
    cityName: "",
    subdivisionCode: "",
    metadata: {},
    ...change,
  };
}
