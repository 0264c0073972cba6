import {
  EmptyObject,
  Nullable,
  PersonalAccessToken,
  PersonalAccessTokenCreated,
  PersonalAccessTokenRequest,
  UserParams,
  UserTokenParams,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  createPersonalAccessToken,
  listTokensOf,
  removeToken,
  requireToken,
  requireTokenOwner,
} from "../../commands/personal-access-tokens.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewPersonalAccessToken } from "../views/user.ts";
import { answers } from "./responses.ts";

/** Who may do this does not follow from a role alone, so requireTokenOwner decides. */
export function registerPersonalAccessTokenRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["tokens"];
  const one = "/api/users/:userId/tokens/:id";
  const all = "/api/users/:userId/tokens";

  app.get(
    all,
    {
      schema: { tags, params: UserParams, response: answers(Nullable(Type.Array(PersonalAccessToken))) },
    },
    async (request): Promise<PersonalAccessToken[] | null> => {
      const owner = await requireTokenOwner(context, request.caller.user, request.params.userId);
      const tokens = await listTokensOf(context, owner);
      return tokens.length === 0 ? null : tokens.map(viewPersonalAccessToken);
    },
  );

  app.post(
    all,
    {
      config: { invalidCode: "token.invalid" },
      schema: {
        tags,
        params: UserParams,
        body: PersonalAccessTokenRequest,
        response: answers(PersonalAccessTokenCreated),
      },
    },
    async (request): Promise<PersonalAccessTokenCreated> => {
      const { user: caller, actor } = request.caller;
      const user = await requireTokenOwner(context, caller, request.params.userId);
      const { name, expires_in: days } = request.body;
      const made = await createPersonalAccessToken(context, actor, { user, caller }, { name, days });
      return { plain_token: made.plain, personal_access_token: viewPersonalAccessToken(made.token) };
    },
  );

  app.get(
    one,
    { schema: { tags, params: UserTokenParams, response: answers(PersonalAccessToken) } },
    async (request): Promise<PersonalAccessToken> => {
      const owner = await requireTokenOwner(context, request.caller.user, request.params.userId);
      return viewPersonalAccessToken(await requireToken(context, owner, request.params.id));
    },
  );

  app.delete(
    one,
    { schema: { tags, params: UserTokenParams, response: answers(EmptyObject) } },
    async (request): Promise<EmptyObject> => {
      const { user, actor } = request.caller;
      const owner = await requireTokenOwner(context, user, request.params.userId);
      await removeToken(context, actor, owner, request.params.id);
      return {};
    },
  );
}
