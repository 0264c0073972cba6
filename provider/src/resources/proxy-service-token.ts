import type { ServiceToken, ServiceTokenCreated } from "../client/api-types.ts";
import { requiresReplace, requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween } from "../framework/validators.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const TEN_YEARS_SECONDS = 10 * 365 * 86_400;

export const proxyServiceTokenAttributes = {
  id: text({ description: "Id of the token.", computed: true, modifiers: [useStateForUnknown()] }),
  service_id: text({
    description:
      "Id of the service that it opens, which needs `auth.service_tokens`. A change makes a new token.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  name: text({
    description:
      "Name of the token, unique on the service; targets see it in `X-NetBird-User`. A change makes a new one.",
    required: true,
    validators: [bytesBetween(1, 100)],
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
  created_by: text({
    description: "Id of the user who made it.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  expires_at: text({
    description: "When it ends, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  last_used: text({
    description: "When it was used last, to the minute, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

export const proxyServiceTokenKind: RestKind<typeof proxyServiceTokenAttributes, ServiceToken> = {
  typeName: "netbird_proxy_service_token",
  what: "service token",
  description:
    "A machine's credential for one service: sent as a bearer token, as a Basic password, or in `X-NetBird-Token`.",
  attributes: proxyServiceTokenAttributes,
  collection: ({ service_id }) =>
    `/reverse-proxies/services/${encodeURIComponent(String(service_id))}/tokens`,
  parents: ["service_id"],
  names: { name: ({ name }) => name },
  unique: true,
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
    created_by: found.created_by,
    expires_at: found.expires_at ?? null,
    last_used: found.last_used ?? null,
  }),
  toldOnce: (created) => ({ token: (created as ServiceTokenCreated).plain_token }),
};

export const proxyServiceToken = restResource(proxyServiceTokenKind);
