import type { NetworkResource } from "../client/api-types.ts";
import { unknown } from "../convert/value.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, type PlanOf, setOfText, text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import { sameAddress } from "./network-address.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import { sorted } from "./sorted.ts";

export const networkResourceAttributes = {
  id: text({ description: "Id of the resource.", computed: true, modifiers: [useStateForUnknown()] }),
  network_id: text({
    description: "Id of the network it belongs to. A change makes a new one.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  name: text({
    description: "Name of the resource, unique in the account.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  description: text({ description: "What it is for.", optional: true }),
  address: text({
    description: "An IP address, a network in CIDR notation, or a domain name, perhaps beginning with `*.`.",
    required: true,
    validators: [bytesBetween(1, 255)],
    sameMeaning: sameAddress,
  }),
  groups: setOfText({ description: "Ids of the groups it is in.", optional: true }),
  enabled: flag({ description: "Whether it can be reached. Defaults to true.", default: true }),
  type: text({
    description: "`host`, `subnet` or `domain`, as the address says.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

const body = ({ plan }: { plan: PlanOf<typeof networkResourceAttributes> }) => ({
  name: plan.name,
  description: plan.description ?? "",
  address: plan.address,
  enabled: plan.enabled,
  groups: sorted(plan.groups),
});

export const networkResourceKind: RestKind<typeof networkResourceAttributes, NetworkResource> = {
  typeName: "netbird_network_resource",
  what: "network resource",
  description: "A host, subnet or domain that is reached through the routers of its network.",
  attributes: networkResourceAttributes,
  collection: ({ network_id }) => `/networks/${encodeURIComponent(String(network_id))}/resources`,
  parents: ["network_id"],
  names: { name: ({ name }) => name, address: ({ address }) => address },
  unique: true,
  createBody: body,
  updateBody: body,
  told: (found) => ({
    id: found.id,
    name: found.name,
    description: found.description,
    address: found.address,
    type: found.type,
    enabled: found.enabled,
    groups: (found.groups ?? []).map(({ id }) => id),
  }),
};

export const networkResource = restResource(networkResourceKind, {
  plan({ plan, state, changed }) {
    if (changed && state !== null && state.address !== plan.address) plan.type = unknown;
  },
});
