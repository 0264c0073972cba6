import { PersonalAccessToken, User } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";

const INVALID = [422, "user.invalid"] as [number, string];
const DENIED = [403, "auth.permission_denied"] as [number, string];
const roles = ["admin", "user", "billing_admin", "auditor", "network_admin"];

checkFieldTable({
  object: "service users",
  section: "§4.7",
  collection: "/users",
  listOnly: true,
  post: { name: "deploy", role: "user", auto_groups: ["$group"], is_service_user: true },
  put: { role: "user", auto_groups: ["$group"], is_blocked: false },
  fields: {
    post: {
      role: "string",
      auto_groups: "strings",
      is_service_user: "boolean",
      name: "string",
      email: "string",
    },
    put: { role: "string", auto_groups: "strings", is_blocked: "boolean" },
  },
  answer: User,
  rows: [
    ...roles.map((role) => accepts("role", role, { role }, { role })),
    accepts("role", "in any case", { role: "Network_ADMIN" }, { role: "network_admin" }),
    refuses("role", "unknown", { role: "root" }, INVALID),
    refuses("role", "empty", { role: "" }, INVALID),
    refuses("role", "absent", { role: ABSENT }, INVALID),
    refuses("role", "owner", { role: "owner" }, INVALID, "POST"),
    refuses("role", "owner, on a service user", { role: "owner" }, DENIED, "PUT"),
    accepts(
      "auto_groups",
      "as sent",
      { auto_groups: ["$group2", "$group"] },
      { auto_groups: ["$group2", "$group"] },
    ),
    accepts("auto_groups", "none", { auto_groups: [] }, { auto_groups: [] }),
    accepts("auto_groups", "absent is none", { auto_groups: ABSENT }, { auto_groups: [] }, "POST"),
    accepts(
      "auto_groups",
      "not validated on create",
      { auto_groups: ["nobody"] },
      { auto_groups: ["nobody"] },
      "POST",
    ),
    refuses("auto_groups", "absent", { auto_groups: ABSENT }, [400, "request.malformed"], "PUT"),
    refuses(
      "auto_groups",
      "an unknown group",
      { auto_groups: ["no"] },
      [...INVALID, "auto_groups[0]"],
      "PUT",
    ),
    refuses("auto_groups", "All", { auto_groups: ["$group", "$all"] }, [...INVALID, "auto_groups[1]"], "PUT"),
    accepts("name", "as sent", { name: "Robo 🤖" }, { name: "Robo 🤖" }, "POST"),
    refuses(
      "name",
      "empty, of a person",
      { is_service_user: false, name: "", email: "a@b.c" },
      INVALID,
      "POST",
    ),
    refuses("email", "absent, of a person", { is_service_user: false }, INVALID, "POST"),
    refuses("email", "empty, of a person", { is_service_user: false, email: "" }, INVALID, "POST"),
    refuses(
      "email",
      "of somebody else",
      { is_service_user: false, email: "owner@example.com" },
      [409, "user.email_taken"],
      "POST",
    ),
    accepts("email", "a service user has none", { email: "robot@example.com" }, { email: "" }, "POST"),
    accepts("is_blocked", "blocks", { is_blocked: true }, { is_blocked: true, status: "blocked" }, "PUT"),
    accepts(
      "is_blocked",
      "absent is false",
      { is_blocked: ABSENT },
      { is_blocked: false, status: "active" },
      "PUT",
    ),
    accepts(
      "what a client dereferences",
      "is there",
      {},
      {
        is_current: false,
        is_service_user: true,
        issued: "api",
        last_login: "0001-01-01T00:00:00Z",
        pending_approval: false,
      },
    ),
    accepts("permissions, password", "are not shown", {}, { permissions: ABSENT, password: ABSENT }),
  ],
});

const owner = { role: "owner", auto_groups: [], is_blocked: false };
checkFieldTable({
  object: "the owner",
  section: "§4.7",
  collection: "/users",
  listOnly: true,
  fixed: "/users/$owner",
  put: owner,
  fields: {},
  answer: User,
  rows: [
    refuses("role", "one's own", { role: "admin" }, DENIED),
    refuses("is_blocked", "oneself", { is_blocked: true }, DENIED),
    accepts(
      "auto_groups",
      "as sent",
      { auto_groups: ["$group"] },
      { auto_groups: ["$group"], is_current: true },
    ),
  ],
});

const TOKEN = [422, "token.invalid"] as [number, string];
checkFieldTable({
  object: "personal access tokens",
  section: "§4.8",
  collection: "/users/$robot/tokens",
  post: { name: "ci", expires_in: 30 },
  fields: { post: { name: "string", expires_in: "integer" } },
  unwrap: (answer) => answer.personal_access_token,
  answer: PersonalAccessToken,
  rows: [
    accepts("name", "as sent", { name: "ci token" }, { name: "ci token" }),
    refuses("name", "empty", { name: "" }, TOKEN),
    refuses("name", "absent", { name: ABSENT }, TOKEN),
    accepts(
      "expires_in",
      "a whole number of days",
      { expires_in: 1 },
      { created_at: "2026-08-22T19:07:31.120Z", expiration_date: "2026-08-23T19:07:31.120Z" },
    ),
    accepts("expires_in", "365 days", { expires_in: 365 }, { expiration_date: "2027-08-22T19:07:31.120Z" }),
    refuses("expires_in", "0", { expires_in: 0 }, TOKEN),
    refuses("expires_in", "absent", { expires_in: ABSENT }, TOKEN),
    refuses("expires_in", "negative", { expires_in: -1 }, TOKEN),
    refuses("expires_in", "366 days", { expires_in: 366 }, TOKEN),
    refuses("expires_in", "beyond every calendar", { expires_in: 1e300 }, TOKEN),
    accepts("created_by", "who asked", {}, { created_by: "$owner" }),
    accepts("last_used", "absent when never", {}, { last_used: ABSENT }),
  ],
});
