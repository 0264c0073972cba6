import { EmptyObject, IdParams } from "@netbird-proxy/proto/rest";
import { noIdentityProvider } from "../../commands/users.ts";
import type { Module, Operation } from "../../domain/permissions.ts";
import type { App } from "../app-type.ts";
import { answers } from "./responses.ts";

type Verb = "GET" | "POST" | "DELETE";

// Undefined: whoever holds the invitation, without a token.
const routes: readonly (readonly [Verb, string, readonly [Module, Operation] | undefined])[] = [
  ["GET", "/api/users/invites", ["users", "read"]],
  ["POST", "/api/users/invites", ["users", "create"]],
  ["DELETE", "/api/users/invites/:id", ["users", "delete"]],
  ["POST", "/api/users/invites/:id/regenerate", ["users", "update"]],
  ["GET", "/api/users/invites/:id", undefined],
  ["POST", "/api/users/invites/:id/accept", undefined],
  ["POST", "/api/users/:id/invite", ["users", "create"]],
];

/** Invitations need an identity provider of our own. There is none, and clients are told so as NetBird tells them. */
export function registerUserInviteRoutes(app: App): void {
  for (const [method, url, permission] of routes) {
    app.route({
      method,
      url,
      config: permission ? { permission } : { public: true },
      schema: {
        tags: ["users"],
        description: "Answers 412: there is no identity provider.",
        ...(url.includes(":id") ? { params: IdParams } : {}),
        ...(permission ? {} : { security: [] }),
        response: answers(EmptyObject),
      },
      handler: async () => {
        throw noIdentityProvider();
      },
    });
  }
}
