import type { ProxyToken, ProxyTokenCreated } from "../client/api-types.ts";
import { requiresReplace, requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween } from "../framework/validators.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const TEN_YEARS_SECONDS = 10 * 365 * 86_400;

export const proxyTokenAttributes = {
  id: text({ description: "Id of the token.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the token. A change makes a new one.",
    required: true,
    validators: [bytesBetween(1, 255)],
    modifiers: [requiresReplace()],
  }),
  expiry_seconds: integer({
    description: "How long it is valid, in seconds; 0 is for ever. Defaults to 0. A change makes a new one.",
    default: 0,
    validators: [integerBetween(0, TEN_YEARS_SECONDS)],
    modifiers: [requiresReplaceIfStored()],
  }),
  token: text({
    description: "The token itself. Known only when Terraform created it; an imported one has none.",
    computed: true,
    sensitive: true,
    modifiers: [useStateForUnknown()],
  }),
  created_at: text({
    description: "When it was made, RFC 3339.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  expires_at: text({
    description: "When it ends, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  last_used: text({
    description: "When a proxy used it last, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

export const proxyTokenKind: RestKind<typeof proxyTokenAttributes, ProxyToken> = {
  typeName: "netbird_proxy_token",
  what: "proxy token",
  description: "A token with which a proxy of your own joins the account.",
  attributes: proxyTokenAttributes,
  collection: () => "/reverse-proxies/proxy-tokens",
  names: { name: ({ name }) => name },
  listOnly: true,
  createBody: ({ plan }) => ({
    name: plan.name,
    ...(plan.expiry_seconds === 0 ? {} : { expires_in: plan.expiry_seconds }),
  }),
  told: (found) => ({
    id: found.id,
    name: found.name,
    expiry_seconds:
      found.expires_at === undefined
        ? 0
        : Math.round((Date.parse(found.expires_at) - Date.parse(found.created_at)) / 1000),
    created_at: found.created_at,
    expires_at: found.expires_at ?? null,
    last_used: found.last_used ?? null,
  }),
  toldOnce: (created) => ({ token: (created as ProxyTokenCreated).plain_token }),
  // Deleting only revokes; what is revoked stays in the list for ever.
  isGone: ({ revoked }) => revoked,
};

export const proxyToken = restResource(proxyTokenKind);
