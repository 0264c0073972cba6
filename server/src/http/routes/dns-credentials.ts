import {
  DnsCredentials,
  DnsCredentialsRequest,
  DryRunQuery,
  EmptyObject,
  IdParams,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  addDnsCredentials,
  changeDnsCredentials,
  removeDnsCredentials,
  requireDnsCredentials,
} from "../../commands/dns-credentials.ts";
import { readDnsCredentials } from "../../domain/validate-dns-credentials.ts";
import { listDnsCredentials } from "../../store/dns-credentials.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewDnsCredentials } from "../views/dns-credentials.ts";
import { answers } from "./responses.ts";

export function registerDnsCredentialsRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;

  app.get(
    "/api/reverse-proxies/dns-credentials",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, response: answers(Type.Array(DnsCredentials)) },
    },
    async (request): Promise<DnsCredentials[]> =>
      (await listDnsCredentials(db, request.caller.actor.account)).map(viewDnsCredentials),
  );

  app.get(
    "/api/reverse-proxies/dns-credentials/:id",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(DnsCredentials) },
    },
    async (request): Promise<DnsCredentials> =>
      viewDnsCredentials(await requireDnsCredentials(db, request.caller.actor.account, request.params.id)),
  );

  app.post(
    "/api/reverse-proxies/dns-credentials",
    {
      config: { permission: ["services", "create"], invalidCode: "dns_credentials.invalid" },
      schema: {
        tags,
        querystring: DryRunQuery,
        body: DnsCredentialsRequest,
        response: answers(DnsCredentials),
      },
    },
    async (request): Promise<DnsCredentials> => {
      const { caller, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return viewDnsCredentials(
        await addDnsCredentials(context, caller.actor, readDnsCredentials(body), options),
      );
    },
  );

  app.put(
    "/api/reverse-proxies/dns-credentials/:id",
    {
      config: { permission: ["services", "update"], invalidCode: "dns_credentials.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: DnsCredentialsRequest,
        response: answers(DnsCredentials),
      },
    },
    async (request): Promise<DnsCredentials> => {
      const { caller, params, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return viewDnsCredentials(
        await changeDnsCredentials(context, caller.actor, params.id, readDnsCredentials(body), options),
      );
    },
  );

  app.delete(
    "/api/reverse-proxies/dns-credentials/:id",
    {
      config: { permission: ["services", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removeDnsCredentials(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );
}
