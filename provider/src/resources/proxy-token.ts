import type { ProxyToken, ProxyTokenCreated } from "../client/api-types.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import { createdAt, expiresAt, expiresIn, expirySeconds, issuedForSeconds, tokenItself } from "./issued.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

export const proxyTokenAttributes = {
  id: text({ description: "Id of the token.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the token. A change makes a new one.",
    required: true,
    validators: [bytesBetween(1, 255)],
    modifiers: [requiresReplace()],
  }),
  expiry_seconds: expirySeconds,
  token: tokenItself,
  created_at: createdAt,
  expires_at: expiresAt,
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
    ...expiresIn(plan.expiry_seconds),
  }),
  told: (found) => ({
    id: found.id,
    name: found.name,
    expiry_seconds: issuedForSeconds(found),
    created_at: found.created_at,
    expires_at: found.expires_at ?? null,
    last_used: found.last_used ?? null,
  }),
  toldOnce: (created) => ({ token: (created as ProxyTokenCreated).plain_token }),
  // Deleting only revokes; what is revoked stays in the list for ever.
  isGone: ({ revoked }) => revoked,
};

export const proxyToken = restResource(proxyTokenKind);
