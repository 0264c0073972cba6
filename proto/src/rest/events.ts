import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const AuditEvent = Type.Object(
  {
    id: Type.String(),
    timestamp: Timestamp,
    activity: Type.String(),
    activity_code: Type.String(),
    initiator_id: Type.String(),
    initiator_name: Type.String(),
    initiator_email: Type.String(),
    target_id: Type.String(),
    meta: Type.Record(Type.String(), Type.String()),
  },
  { title: "AuditEvent" },
);
export type AuditEvent = Static<typeof AuditEvent>;

export const AccessLogQuery = Type.Object({
  page: Type.Optional(Type.String({ description: "From 1." })),
  page_size: Type.Optional(Type.String({ description: "At most 100; 50 by default." })),
});
export type AccessLogQuery = Static<typeof AccessLogQuery>;

export const AccessLog = Type.Object(
  {
    id: Type.String(),
    service_id: Type.String(),
    timestamp: Timestamp,
    method: Type.String(),
    host: Type.String(),
    path: Type.String(),
    duration_ms: Type.Integer(),
    status_code: Type.Integer(),
    bytes_upload: Type.Integer(),
    bytes_download: Type.Integer(),
    source_ip: Type.Optional(Type.String()),
    reason: Type.Optional(Type.String()),
    user_id: Type.Optional(Type.String()),
    auth_method_used: Type.Optional(Type.String()),
    country_code: Type.Optional(Type.String()),
    city_name: Type.Optional(Type.String()),
    subdivision_code: Type.Optional(Type.String()),
    protocol: Type.Optional(Type.String()),
    metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { title: "AccessLog" },
);
export type AccessLog = Static<typeof AccessLog>;

export const AccessLogPage = Type.Object(
  {
    data: Type.Array(AccessLog),
    page: Type.Integer(),
    page_size: Type.Integer(),
    total_records: Type.Integer(),
    total_pages: Type.Integer(),
  },
  { title: "AccessLogPage" },
);
export type AccessLogPage = Static<typeof AccessLogPage>;
