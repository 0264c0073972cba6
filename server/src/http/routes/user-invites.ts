import {
  DryRunQuery,
  EmptyObject,
  IdParams,
  InviteAccepted,
  InviteAcceptRequest,
  InviteInfo,
  InviteRegenerated,
  InviteRegenerateRequest,
  InviteRequest,
  UserInvite,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  acceptInvite,
  createInvite,
  DEFAULT_INVITE_SECONDS,
  readInvite,
  regenerateInvite,
  removeInvite,
} from "../../commands/user-invites.ts";
import { noIdentityProvider } from "../../commands/users.ts";
import { listUserInvites, type UserInvite as StoredInvite } from "../../store/user-invites.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import { limitPublicCalls } from "../limit-public-calls.ts";
import type { HttpPorts } from "../ports.ts";
import { timestamp } from "../views/timestamp.ts";
import { answers } from "./responses.ts";

/** Invitations need the embedded identity provider; with an external one every route answers 412. */
export function registerUserInviteRoutes(app: App, { context, identity }: HttpPorts): void {
  const tags = ["users"];
  const { nowMs, store } = context;
  // Source: reference §1.7.
  const limit = limitPublicCalls(context, { name: "invite", burst: 5, refillMs: 6_000 });
  const requireEmbedded = async () => {
    if (!identity.embedded) throw noIdentityProvider();
  };
  const view = (invite: StoredInvite, plain?: string): UserInvite => ({
    id: invite.id,
    email: invite.email,
    name: invite.name,
    role: invite.role,
    auto_groups: invite.autoGroups,
    expires_at: timestamp(invite.expiresAt),
    created_at: timestamp(invite.createdAt),
    expired: invite.expiresAt <= nowMs(),
    ...(plain === undefined
      ? {}
      : { invite_token: plain, invite_url: `${identity.publicUrl()}/invite/${plain}` }),
  });

  app.get(
    "/api/users/invites",
    {
      config: { permission: ["users", "read"] },
      preHandler: requireEmbedded,
      schema: { tags, response: answers(Type.Array(UserInvite)) },
    },
    async (request): Promise<UserInvite[]> =>
      (await listUserInvites(store.db, request.caller.actor.account)).map((invite) => view(invite)),
  );

  app.post(
    "/api/users/invites",
    {
      config: { permission: ["users", "create"], invalidCode: "invite.invalid" },
      preHandler: requireEmbedded,
      schema: { tags, querystring: DryRunQuery, body: InviteRequest, response: answers(UserInvite) },
    },
    async (request): Promise<UserInvite> => {
      const { email, name, role, auto_groups: autoGroups, expires_in } = request.body;
      const draft = { email, name, role, autoGroups, expiresInSeconds: expires_in ?? DEFAULT_INVITE_SECONDS };
      const { caller, query } = request;
      const made = await createInvite(context, caller.actor, draft, { dryRun: isDryRun(query) });
      return view(made.invite, made.plain);
    },
  );

  app.delete(
    "/api/users/invites/:id",
    {
      config: { permission: ["users", "delete"] },
      preHandler: requireEmbedded,
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removeInvite(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );

  app.post(
    "/api/users/invites/:id/regenerate",
    {
      config: { permission: ["users", "update"], invalidCode: "invite.invalid" },
      preHandler: requireEmbedded,
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: Type.Optional(InviteRegenerateRequest),
        response: answers(InviteRegenerated),
      },
    },
    async (request): Promise<InviteRegenerated> => {
      const { caller, params, query } = request;
      const seconds = request.body?.expires_in ?? DEFAULT_INVITE_SECONDS;
      const options = { dryRun: isDryRun(query) };
      const { invite, plain } = await regenerateInvite(context, caller.actor, params.id, seconds, options);
      return {
        invite_token: plain,
        invite_url: `${identity.publicUrl()}/invite/${plain}`,
        invite_expires_at: timestamp(invite.expiresAt),
      };
    },
  );

  app.get(
    "/api/users/invites/:id",
    {
      config: { public: true },
      preHandler: requireEmbedded,
      schema: { tags, security: [], params: IdParams, response: answers(InviteInfo) },
    },
    async (request): Promise<InviteInfo> => {
      await limit(request.ip);
      const { invite, invitedBy } = await readInvite(context, request.params.id);
      return {
        email: invite.email,
        name: invite.name,
        expires_at: timestamp(invite.expiresAt),
        valid: invite.expiresAt > nowMs(),
        invited_by: invitedBy,
      };
    },
  );

  app.post(
    "/api/users/invites/:id/accept",
    {
      config: { public: true },
      preHandler: requireEmbedded,
      schema: {
        tags,
        security: [],
        params: IdParams,
        body: InviteAcceptRequest,
        response: answers(InviteAccepted),
      },
    },
    async (request): Promise<InviteAccepted> => {
      await limit(request.ip);
      await acceptInvite(context, request.params.id, request.body.password);
      return { success: true };
    },
  );

  app.post(
    "/api/users/:id/invite",
    {
      config: { permission: ["users", "create"] },
      schema: {
        tags,
        description: "Answers 412: the server sends no mail. Make an invitation instead.",
        params: IdParams,
        response: answers(EmptyObject),
      },
    },
    async () => {
      throw noIdentityProvider();
    },
  );
}
