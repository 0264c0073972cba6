import { AppError } from "@netbird-proxy/proto";
import {
  CurrentUser,
  EmptyObject,
  IdParams,
  User,
  UserListQuery,
  UserRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createUser, removeUser } from "../../commands/users.ts";
import { isAllowed, permissionTable, requirePermission } from "../../domain/permissions.ts";
import { listUsers } from "../../store/users.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewUser } from "../views/user.ts";
import { answers } from "./responses.ts";

export function registerUserRoutes(app: App, { context }: HttpPorts): void {
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
      schema: { tags, body: UserRequest, response: answers(User) },
    },
    async (request): Promise<User> => {
      const { user, actor } = request.caller;
      const { name = "", role, auto_groups: autoGroups, is_service_user: isServiceUser } = request.body;
      return viewUser(await createUser(context, actor, { name, role, autoGroups, isServiceUser }), user.id);
    },
  );

  app.delete(
    "/api/users/:id",
    { schema: { tags, params: IdParams, response: answers(EmptyObject) } },
    async (request): Promise<EmptyObject> => {
      requirePermission(request.caller.user, "users", "delete");
      await removeUser(context, request.caller.actor, request.params.id);
      return {};
    },
  );
}
