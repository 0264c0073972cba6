import type { PersonalAccessToken, PersonalAccessTokenCreated } from "../client/api-types.ts";
import { requiresReplace, requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, type ToldOf, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween } from "../framework/validators.ts";
import { createdAt, tokenItself } from "./issued.ts";
import { warnAboutLeftover } from "./leftover.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const DAY_MS = 86_400_000;

export const tokenAttributes = {
  id: text({ description: "Id of the token.", computed: true, modifiers: [useStateForUnknown()] }),
  user_id: text({
    description: "Id of the user it belongs to: a service user, or yourself. A change makes a new token.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  name: text({
    description: "Name of the token. A change makes a new one.",
    required: true,
    validators: [bytesBetween(1, 255)],
    modifiers: [requiresReplace()],
  }),
  expiration_days: integer({
    description: "How long it is valid, 1 to 365 days. A change makes a new one.",
    required: true,
    validators: [integerBetween(1, 365)],
    modifiers: [requiresReplaceIfStored()],
  }),
  token: tokenItself,
  created_at: createdAt,
  expiration_date: text({
    description: "When it ends, RFC 3339.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  last_used: text({
    description: "When it was used last, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

/** The answer to POST holds the object inside; it is unwrapped where it comes in. */
type Token = PersonalAccessToken & { readonly plain_token?: string };

export function toldToken(found: PersonalAccessToken): ToldOf<typeof tokenAttributes> {
  const days = Math.round((Date.parse(found.expiration_date) - Date.parse(found.created_at)) / DAY_MS);
  return {
    id: found.id,
    name: found.name,
    expiration_days: days,
    created_at: found.created_at,
    expiration_date: found.expiration_date,
    last_used: found.last_used ?? null,
  };
}

export const tokenKind: RestKind<typeof tokenAttributes, Token> = {
  typeName: "netbird_token",
  what: "token",
  description: "A personal access token, with which programs use the API.",
  attributes: tokenAttributes,
  collection: ({ user_id }) => `/users/${encodeURIComponent(String(user_id))}/tokens`,
  parents: ["user_id"],
  names: { name: ({ name }) => name },
  createBody: ({ plan }) => ({ name: plan.name, expires_in: plan.expiration_days }),
  told: toldToken,
};

export const token = restResource(tokenKind, {
  async create({ client, plan, signal, keep, diagnostics }) {
    const created = await client.api
      .post<PersonalAccessTokenCreated>(
        tokenKind.collection(plan),
        tokenKind.createBody({ plan, config: plan, state: null }),
        signal,
      )
      .catch((error: unknown) => {
        warnAboutLeftover(error, "token", plan.name, diagnostics);
        throw error;
      });
    const told = {
      user_id: plan.user_id as string,
      ...toldToken(created.personal_access_token),
      token: created.plain_token,
    };
    keep(told);
    return told;
  },
});
