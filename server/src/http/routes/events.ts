import { AccessLogPage, AccessLogQuery, AuditEvent } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { activityText } from "../../domain/activities.ts";
import { listAccessLogs } from "../../store/access-logs.ts";
import { listAuditEvents } from "../../store/audit-events.ts";
import { listUsers, type User } from "../../store/users.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { firstOfRepeated, readAccessLogQuery } from "../read-access-log-query.ts";
import { viewAccessLog } from "../views/access-log.ts";
import { timestamp } from "../views/timestamp.ts";
import { answers } from "./responses.ts";

const MAX_AUDIT_EVENTS = 10_000;

export function registerEventRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["events"];
  const { db } = context.store;

  for (const path of ["/api/events", "/api/events/audit"]) {
    app.get(
      path,
      {
        config: { permission: ["events", "read"] },
        schema: { tags, response: answers(Type.Array(AuditEvent)) },
      },
      async (request): Promise<AuditEvent[]> => {
        const { account } = request.caller.actor;
        const events = await listAuditEvents(db, account, MAX_AUDIT_EVENTS);
        const users = new Map((await listUsers(db, account)).map((user) => [user.id as string, user]));
        return events.map((event) => ({
          id: String(event.id),
          timestamp: timestamp(event.timestamp),
          activity: activityText(event.activityCode),
          activity_code: event.activityCode,
          initiator_id: event.initiatorId,
          initiator_name: event.initiatorName,
          initiator_email: event.initiatorEmail,
          target_id: event.targetId,
          meta: { ...event.meta, ...namesOf(users.get(event.targetId)) },
        }));
      },
    );
  }

  app.get(
    "/api/events/proxy",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, querystring: AccessLogQuery, response: answers(AccessLogPage) },
      preValidation: async (request) => {
        request.query = firstOfRepeated(request.query);
      },
    },
    async (request): Promise<AccessLogPage> => {
      const { account } = request.caller.actor;
      const { page, ...wanted } = readAccessLogQuery(request.query, await listUsers(db, account));
      const { entries, total } = await listAccessLogs(db, account, wanted);
      return {
        data: entries.map(viewAccessLog),
        page,
        page_size: wanted.limit,
        total_records: total,
        total_pages: Math.ceil(total / wanted.limit),
      };
    },
  );
}

/** An event about a user says who that is now. */
function namesOf(user: User | undefined): Record<string, string> {
  return user ? { email: user.email, username: user.name } : {};
}
