import type { ServiceToken, ServiceTokenCreated } from "../client/api-types.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import {
  createdAt,
  createdBy,
  expiresAt,
  expiresIn,
  expirySeconds,
  issuedForSeconds,
  tokenItself,
} from "./issued.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

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
  expiry_seconds: expirySeconds,
  token: tokenItself,
  created_at: createdAt,
  created_by: createdBy,
  expires_at: expiresAt,
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
    ...expiresIn(plan.expiry_seconds),
  }),
  told: (found) => ({
    id: found.id,
    name: found.name,
    expiry_seconds: issuedForSeconds(found),
    created_at: found.created_at,
    created_by: found.created_by,
    expires_at: found.expires_at ?? null,
    last_used: found.last_used ?? null,
  }),
  toldOnce: (created) => ({ token: (created as ServiceTokenCreated).plain_token }),
};

export const proxyServiceToken = restResource(proxyServiceTokenKind);
