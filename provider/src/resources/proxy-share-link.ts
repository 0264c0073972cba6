import type { ShareLink, ShareLinkCreated } from "../client/api-types.ts";
import { requiresReplace, requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween, matching } from "../framework/validators.ts";
import { createdAt, createdBy, issuedForSeconds, TEN_YEARS_SECONDS } from "./issued.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const computed = { computed: true, modifiers: [useStateForUnknown()] };

export const proxyShareLinkAttributes = {
  id: text({ description: "Id of the link.", ...computed }),
  service_id: text({
    description:
      "Id of the service that it opens, which needs `auth.share_links`. A change makes a new link.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  name: text({
    description: "Name of the link, unique on the service. A change makes a new one.",
    required: true,
    validators: [bytesBetween(1, 100)],
    modifiers: [requiresReplace()],
  }),
  path: text({
    description: "Path and query that it leads to. Defaults to `/`. A change makes a new one.",
    default: "/",
    validators: [matching(/^\/(?!\/)[!-~]*$/, "a path on the service, such as /report?week=7")],
    modifiers: [requiresReplaceIfStored()],
  }),
  max_uses: integer({
    description: "How many browsers may use it; 0 is any number. Defaults to 0. A change makes a new one.",
    default: 0,
    validators: [integerBetween(0, 1_000_000)],
    modifiers: [requiresReplaceIfStored()],
  }),
  expiry_seconds: integer({
    description: "How long it works, in seconds. A change makes a new one.",
    required: true,
    validators: [integerBetween(60, TEN_YEARS_SECONDS)],
    modifiers: [requiresReplaceIfStored()],
  }),
  url: text({
    description:
      "The link itself, with its secret. Known only when Terraform created it; an imported one has none.",
    sensitive: true,
    ...computed,
  }),
  created_at: createdAt,
  created_by: createdBy,
  expires_at: text({ description: "When it stops working, RFC 3339.", ...computed }),
  uses: integer({ description: "How many browsers used it.", ...computed }),
  last_used: text({ description: "When it was used last, RFC 3339; null when never.", ...computed }),
};

export const proxyShareLinkKind: RestKind<typeof proxyShareLinkAttributes, ShareLink> = {
  typeName: "netbird_proxy_share_link",
  what: "share link",
  description: "A link that lets whoever has it into one service, for a time and a number of visitors.",
  attributes: proxyShareLinkAttributes,
  collection: ({ service_id }) =>
    `/reverse-proxies/services/${encodeURIComponent(String(service_id))}/share-links`,
  parents: ["service_id"],
  names: { name: ({ name }) => name },
  unique: true,
  listOnly: true,
  createBody: ({ plan }) => ({
    name: plan.name,
    path: plan.path,
    max_uses: plan.max_uses,
    expires_in: plan.expiry_seconds,
  }),
  told: (found) => ({
    id: found.id,
    name: found.name,
    path: found.path,
    max_uses: found.max_uses,
    expiry_seconds: issuedForSeconds(found),
    created_at: found.created_at,
    created_by: found.created_by,
    expires_at: found.expires_at,
    uses: found.uses,
    last_used: found.last_used ?? null,
  }),
  toldOnce: (created) => ({ url: (created as ShareLinkCreated).url }),
};

export const proxyShareLink = restResource(proxyShareLinkKind);
