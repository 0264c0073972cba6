import type { Domain } from "../client/api-types.ts";
import { isUnknown } from "../convert/value.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, text } from "../framework/schema.ts";
import { customDomainAttributes } from "./custom-domain.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const kept = { computed: true, modifiers: [useStateForUnknown()] };

export const reverseProxyDomainAttributes = {
  id: text({ description: "Id of the domain.", ...kept }),
  domain: customDomainAttributes.domain,
  target_cluster: customDomainAttributes.target_cluster,
  type: text({ description: "`custom`.", ...kept }),
  validated: flag({ description: "Whether the DNS record was found.", ...kept }),
};

export const reverseProxyDomainKind: RestKind<typeof reverseProxyDomainAttributes, Domain> = {
  typeName: "netbird_reverse_proxy_domain",
  what: "domain",
  description:
    "A domain of your own, as NetBird's own provider writes it. `netbird_custom_domain` can also wait until it is validated.",
  attributes: reverseProxyDomainAttributes,
  collection: () => "/reverse-proxies/domains",
  names: { domain: ({ domain }) => domain },
  unique: true,
  listOnly: true,
  isGone: ({ type }) => type !== "custom",
  createBody: ({ plan }) => ({ domain: plan.domain, target_cluster: plan.target_cluster }),
  told: ({ id, domain, type, validated, target_cluster }) => ({
    id,
    domain,
    type,
    validated,
    target_cluster: target_cluster ?? null,
  }),
};

export const reverseProxyDomain = restResource(reverseProxyDomainKind, {
  plan({ client, plan, state, changed }) {
    if (changed && state === null && plan.domain !== null && !isUnknown(plan.domain))
      client?.domains.customDomain(plan.domain);
  },
});
