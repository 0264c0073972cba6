import type { Network } from "../client/api-types.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, setOfText, text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

export const networkAttributes = {
  id: text({ description: "Id of the network.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the network, for people.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  description: text({ description: "What it is for.", optional: true }),
  routers: setOfText({
    description: "Ids of its routers.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  resources: setOfText({
    description: "Ids of its resources.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  policies: setOfText({
    description: "Ids of the policies about its resources.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  routing_peers_count: integer({
    description: "How many peers route into it.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

export const networkKind: RestKind<typeof networkAttributes, Network> = {
  typeName: "netbird_network",
  what: "network",
  description: "A network behind peers: its resources are reached through its routers.",
  attributes: networkAttributes,
  collection: () => "/networks",
  names: { name: ({ name }) => name },
  createBody: ({ plan }) => ({ name: plan.name, description: plan.description ?? "" }),
  updateBody: ({ plan }) => ({ name: plan.name, description: plan.description ?? "" }),
  told: (found) => ({
    id: found.id,
    name: found.name,
    description: found.description,
    routers: found.routers ?? [],
    resources: found.resources ?? [],
    policies: found.policies ?? [],
    routing_peers_count: found.routing_peers_count,
  }),
};

export const network = restResource(networkKind, {
  plan({ plan, state }) {
    if (state !== null) return;
    // Nothing can be in a network that does not exist yet.
    plan.routers = [];
    plan.resources = [];
    plan.policies = [];
    plan.routing_peers_count = 0;
  },
});
