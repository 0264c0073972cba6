import type { NetworkRouter } from "../client/api-types.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, integer, type PlanOf, setOfText, text } from "../framework/schema.ts";
import { integerBetween } from "../framework/validators.ts";
import { isGiven } from "./given.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import { sorted } from "./sorted.ts";

export const networkRouterAttributes = {
  id: text({ description: "Id of the router.", computed: true, modifiers: [useStateForUnknown()] }),
  network_id: text({
    description: "Id of the network it leads to. A change makes a new one.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  peer: text({ description: "Id of the peer that routes. Either this or `peer_groups`.", optional: true }),
  peer_groups: setOfText({
    description: "Ids of groups all of whose peers route. Either this or `peer`.",
    optional: true,
  }),
  metric: integer({
    description: "Of several routers the one with the lowest metric is used, 1 to 9999. Defaults to 9999.",
    default: 9999,
    validators: [integerBetween(1, 9999)],
  }),
  masquerade: flag({
    description: "Whether the network sees the router's address as the source. Defaults to true.",
    default: true,
  }),
  enabled: flag({ description: "Whether it is used. Defaults to true.", default: true }),
};

const body = ({ plan }: { plan: PlanOf<typeof networkRouterAttributes> }) => ({
  ...(plan.peer === null ? { peer_groups: sorted(plan.peer_groups) } : { peer: plan.peer }),
  metric: plan.metric,
  masquerade: plan.masquerade,
  enabled: plan.enabled,
});

export const networkRouterKind: RestKind<typeof networkRouterAttributes, NetworkRouter> = {
  typeName: "netbird_network_router",
  what: "network router",
  description: "A peer, or the peers of groups, through which the resources of a network are reached.",
  attributes: networkRouterAttributes,
  collection: ({ network_id }) => `/networks/${encodeURIComponent(String(network_id))}/routers`,
  parents: ["network_id"],
  names: { peer: ({ peer }) => peer },
  createBody: body,
  updateBody: body,
  told: (found) => ({
    id: found.id,
    peer: found.peer || null,
    peer_groups: found.peer_groups?.length ? found.peer_groups : null,
    metric: found.metric,
    masquerade: found.masquerade,
    enabled: found.enabled,
  }),
};

export const networkRouter = restResource(networkRouterKind, {
  validate(config, diagnostics) {
    const { peer, peer_groups: groups } = config;
    const none = peer === null && groups === null;
    if (none || (isGiven(peer) && isGiven(groups)))
      diagnostics.error(
        [none ? "network_id" : "peer"],
        "Either a peer or groups",
        "Give exactly one of `peer` and `peer_groups`.",
      );
    if (Array.isArray(config.peer_groups) && config.peer_groups.length === 0)
      diagnostics.error(["peer_groups"], "Empty", "At least one group is needed.");
  },
});
