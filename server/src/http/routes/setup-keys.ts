import {
  DryRunQuery,
  EmptyObject,
  IdParams,
  SetupKey,
  SetupKeyRequest,
  SetupKeyUpdate,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  changeSetupKey,
  createSetupKey,
  removeSetupKey,
  requireSetupKey,
} from "../../commands/setup-keys.ts";
import { listSetupKeys } from "../../store/setup-keys.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewSetupKey } from "../views/setup-key.ts";
import { answers } from "./responses.ts";

export function registerSetupKeyRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["setup-keys"];
  const { db } = context.store;

  app.get(
    "/api/setup-keys",
    {
      config: { permission: ["setup_keys", "read"] },
      schema: { tags, response: answers(Type.Array(SetupKey)) },
    },
    async (request): Promise<SetupKey[]> => {
      const keys = await listSetupKeys(db, request.caller.actor.account);
      return keys.map((key) => viewSetupKey(key, context.nowMs()));
    },
  );

  app.get(
    "/api/setup-keys/:id",
    {
      config: { permission: ["setup_keys", "read"] },
      schema: { tags, params: IdParams, response: answers(SetupKey) },
    },
    async (request): Promise<SetupKey> => {
      const key = await requireSetupKey(db, request.caller.actor.account, request.params.id);
      return viewSetupKey(key, context.nowMs());
    },
  );

  app.post(
    "/api/setup-keys",
    {
      config: { permission: ["setup_keys", "create"], invalidCode: "setup_key.invalid" },
      schema: { tags, querystring: DryRunQuery, body: SetupKeyRequest, response: answers(SetupKey) },
    },
    async (request): Promise<SetupKey> => {
      const { body } = request;
      const { plain, key } = await createSetupKey(
        context,
        request.caller.actor,
        {
          name: body.name,
          type: body.type,
          expiresInSeconds: body.expires_in,
          autoGroups: body.auto_groups,
          usageLimit: body.usage_limit,
          ephemeral: body.ephemeral ?? false,
          allowExtraDnsLabels: body.allow_extra_dns_labels ?? false,
        },
        { dryRun: isDryRun(request.query) },
      );
      return viewSetupKey(key, context.nowMs(), plain);
    },
  );

  app.put(
    "/api/setup-keys/:id",
    {
      config: { permission: ["setup_keys", "update"], invalidCode: "setup_key.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: SetupKeyUpdate,
        response: answers(SetupKey),
      },
    },
    async (request): Promise<SetupKey> => {
      const { auto_groups: autoGroups, revoked } = request.body;
      const key = await changeSetupKey(
        context,
        request.caller.actor,
        request.params.id,
        { autoGroups, revoked },
        { dryRun: isDryRun(request.query) },
      );
      return viewSetupKey(key, context.nowMs());
    },
  );

  app.delete(
    "/api/setup-keys/:id",
    {
      config: { permission: ["setup_keys", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await removeSetupKey(context, request.caller.actor, request.params.id, {
        dryRun: isDryRun(request.query),
      });
      return {};
    },
  );
}
