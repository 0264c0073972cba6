import { AccessLogPage, AccessLogQuery, AuditEvent } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { withoutRepeatedJoins } from "../../domain/repeated-joins.ts";
import { listAccessLogs, readAllAccessLogs } from "../../store/access-logs.ts";
import { listAuditEvents, readAllAuditEvents } from "../../store/audit-events.ts";
import { listUsers } from "../../store/users.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { firstOfRepeated, readAccessLogQuery } from "../read-access-log-query.ts";
import { sendJsonLines } from "../send-json-lines.ts";
import { viewAccessLog } from "../views/access-log.ts";
import { viewAuditEvent } from "../views/audit-event.ts";
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
        const events = withoutRepeatedJoins(await listAuditEvents(db, account, MAX_AUDIT_EVENTS));
        const users = new Map((await listUsers(db, account)).map((user) => [user.id as string, user]));
        return events.map((event) => viewAuditEvent(event, users));
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

  app.get(
    "/api/events/proxy/export",
    {
      config: { permission: ["services", "read"] },
      schema: {
        tags,
        summary: "Access logs as JSON lines, oldest first",
        querystring: AccessLogQuery,
        response: jsonLines("One AccessLog a line; filters as in the list, all matching entries."),
      },
      preValidation: async (request) => {
        request.query = firstOfRepeated(request.query);
      },
    },
    async (request, reply) => {
      const { account } = request.caller.actor;
      const { filter = {} } = readAccessLogQuery(request.query, await listUsers(db, account));
      const pages = readAllAccessLogs(db, account, filter);
      return sendJsonLines(request, reply, mapped(pages, viewAccessLog), "access-logs.jsonl");
    },
  );

  app.get(
    "/api/events/audit/export",
    {
      config: { permission: ["events", "read"] },
      schema: {
        tags,
        summary: "Audit events as JSON lines, oldest first",
        response: jsonLines("One AuditEvent a line; all there are."),
      },
    },
    async (request, reply) => {
      const { account } = request.caller.actor;
      const users = new Map((await listUsers(db, account)).map((user) => [user.id as string, user]));
      const pages = readAllAuditEvents(db, account);
      const view = mapped(pages, (event) => viewAuditEvent(event, users));
      return sendJsonLines(request, reply, view, "audit-events.jsonl");
    },
  );
}

async function* mapped<From, To>(
  pages: AsyncIterable<readonly From[]>,
  view: (value: From) => To,
): AsyncGenerator<To[]> {
  for await (const page of pages) yield page.map(view);
}

function jsonLines(description: string) {
  return { 200: { description, content: { "application/x-ndjson": { schema: Type.String() } } } };
}
