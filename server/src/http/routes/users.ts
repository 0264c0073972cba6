import { AppError } from "@netbird-proxy/proto";
import {
  CurrentUser,
  DryRunQuery,
  EmptyObject,
  IdParams,
  PasswordChange,
  User,
  UserListQuery,
  UserRequest,
  UserUpdate,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { checkPassword } from "../../commands/check-password.ts";
import {
  approveUser,
  changePassword,
  changeUser,
  createUser,
  noIdentityProvider,
  rejectUser,
  removeUser,
} from "../../commands/users.ts";
import { isAllowed, permissionTable } from "../../domain/permissions.ts";
import { listUsers } from "../../store/users.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewUser } from "../views/user.ts";
import { answers } from "./responses.ts";

export function registerUserRoutes(app: App, { context, identity, hashGate }: HttpPorts): void {
  const tags = ["users"];

  app.get(
    "/api/users",
    { schema: { tags, querystring: UserListQuery, response: answers(Type.Array(User)) } },
    async (request): Promise<User[]> => {
      const { user, actor } = request.caller;
      const { service_user: wanted } = request.query;
      // Without the right to read users, everybody still sees themselves.
      const users =
        isAllowed(user, "users", "read") && !user.isBlocked
          ? await listUsers(context.store.db, actor.account)
          : [user];
      return users
        .filter((one) => wanted === undefined || one.isServiceUser === (wanted === "true"))
        .map((one) => viewUser(one, user.id));
    },
  );

  app.get(
    "/api/users/current",
    { schema: { tags, response: answers(CurrentUser) } },
    async (request): Promise<CurrentUser> => {
      const { user } = request.caller;
      if (user.isServiceUser) {
        throw new AppError("auth.permission_denied", "a service user has no current user", {
          hint: "Call GET /api/users instead.",
        });
      }
      return {
        ...viewUser(user, user.id),
        permissions: { is_restricted: user.role === "user", modules: permissionTable(user) },
      };
    },
  );

  app.post(
    "/api/users",
    {
      config: { permission: ["users", "create"], invalidCode: "user.invalid" },
      schema: { tags, querystring: DryRunQuery, body: UserRequest, response: answers(User) },
    },
    async (request): Promise<User> => {
      const { user, actor } = request.caller;
      const { name = "", email = "", role, auto_groups, is_service_user } = request.body;
      const draft = { name, email, role, autoGroups: auto_groups, isServiceUser: is_service_user };
      const options = { dryRun: isDryRun(request.query), embedded: identity.embedded !== undefined };
      const made = await createUser(context, actor, draft, options);
      return {
        ...viewUser(made.user, user.id),
        ...(made.password === undefined ? {} : { password: made.password }),
      };
    },
  );

  app.put(
    "/api/users/:id",
    {
      config: { permission: ["users", "update"], invalidCode: "user.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: UserUpdate,
        response: answers(User),
      },
    },
    async (request): Promise<User> => {
      const { caller, params, body, query } = request;
      const { role, auto_groups: autoGroups, is_blocked: isBlocked } = body;
      if (!autoGroups) {
        throw new AppError("request.malformed", "auto_groups is required", { path: "auto_groups" });
      }
      const change = { role, autoGroups, isBlocked };
      const options = { dryRun: isDryRun(query) };
      return viewUser(await changeUser(context, caller.actor, params.id, change, options), caller.user.id);
    },
  );

  app.delete(
    "/api/users/:id",
    {
      config: { permission: ["users", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removeUser(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );

  app.post(
    "/api/users/:id/approve",
    {
      config: { permission: ["users", "update"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(User) },
    },
    async (request): Promise<User> => {
      const { caller, params, query } = request;
      const approved = await approveUser(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return viewUser(approved, caller.user.id);
    },
  );

  app.delete(
    "/api/users/:id/reject",
    {
      config: { permission: ["users", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await rejectUser(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );

  app.put(
    "/api/users/:id/password",
    {
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: PasswordChange,
        response: answers(EmptyObject),
      },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, body, query } = request;
      if (params.id !== caller.user.id) {
        throw new AppError("auth.permission_denied", "only a user's own password can be changed");
      }
      if (!identity.embedded) throw noIdentityProvider();
      const passwords = { oldPassword: body.old_password, newPassword: body.new_password };
      const verify = async ({ email }: { email: string }, password: string) => {
        try {
          await checkPassword({ context, hashGate }, { email, password, address: request.ip });
          return true;
        } catch (error) {
          if (error instanceof AppError && error.code === "auth.wrong_credentials") return false;
          throw error;
        }
      };
      await changePassword(context, caller.actor, passwords, verify, { dryRun: isDryRun(query) });
      return {};
    },
  );
}
