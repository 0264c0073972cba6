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

const text = (description: string) => Type.Optional(Type.String({ description }));

/** What cannot be understood counts as not sent. */
export const AccessLogQuery = Type.Object({
  page: text("From 1."),
  page_size: text("At most 100; 50 by default."),
  sort_by: text(
    "timestamp (default), url, host, path, method, status_code, duration, source_ip, user_id, auth_method, reason",
  ),
  sort_order: text("asc or desc (default)"),
  search: text("Part of id, source address, host, path, or the e-mail address or name of the user."),
  source_ip: text("Exactly."),
  host: text("Exactly."),
  path: text("Part of it."),
  user_id: text("Exactly."),
  user_email: text("Part of it; instead of user_id."),
  user_name: text("Part of it; instead of user_id."),
  method: text("Exactly."),
  status: text("success: 200 to 399; failed: the rest."),
  status_code: text("Exactly."),
  start_date: text("RFC 3339, inclusive."),
  end_date: text("RFC 3339, inclusive."),
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
