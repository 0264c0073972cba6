import type { Group, GroupRequest } from "../client/api-types.ts";
import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { isUnknown } from "../convert/value.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { Resource } from "../framework/resource.ts";
import { nestedSet, type PlanOf, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { bytesBetween, oneOf } from "../framework/validators.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import type { Walk } from "./walk.ts";

const attributes = {
  id: text({ description: "Id of the group.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the group, unique in the account.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  peers: setOfText({
    description:
      "Ids of the peers in the group. Without it, membership is left alone: setup keys and others may add peers.",
    optional: true,
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  resources: nestedSet(
    {
      id: text({ description: "Id of the network resource.", required: true }),
      type: text({
        description: "`host`, `subnet`, `domain` or `peer`.",
        required: true,
        validators: [oneOf("host", "subnet", "domain", "peer")],
      }),
    },
    {
      description: "Network resources in the group. Without it, they are left alone.",
      optional: true,
      computed: true,
      modifiers: [useStateForUnknown()],
    },
  ),
  issued: text({
    description: "Where the group comes from: `api`, `jwt` or `integration`.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

type GroupAttributes = typeof attributes;

export const group: Resource<GroupAttributes, Walk> = {
  typeName: "netbird_group",
  schema: { version: 0, description: "A group of peers and network resources.", attributes },

  plan({ plan, state, config }) {
    if (state !== null) return;
    // Nobody can be in a group that does not exist yet.
    if (config.peers === null) plan.peers = [];
    if (config.resources === null) plan.resources = [];
    plan.issued = "api";
  },

  async create({ client, plan, config, signal, keep }) {
    const body = requestBody(plan, config, { peers: [], resources: [] });
    const startedMs = Date.now();
    try {
      const created = await client.api.post<Group>("/groups", body, signal);
      keep(told(created));
      return told(created);
    } catch (error) {
      if (!mayHaveHappened(error)) throw error;
      // Names are unique: a group with ours that appeared since we asked is the one we asked for.
      const groups = await client.api.get<Group[]>("/groups", signal);
      const adopted = groups.find(({ id, name }) => name === body.name && createdSince(startedMs, { id }));
      if (adopted === undefined) throw error;
      keep(told(adopted));
      return told(adopted);
    }
  },

  async read({ client, state, signal }) {
    try {
      return told(await client.api.find<Group>("/groups", state.id!, signal));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  },

  async update({ client, plan, config, state, signal }) {
    const path = `/groups/${encodeURIComponent(state.id!)}`;
    // PUT replaces everything: members that nobody configured are read again right before, not taken from the state.
    const current = await client.api.get<Group>(path, signal);
    const unmanaged = {
      peers: (current.peers ?? []).map(({ id }) => id),
      resources: current.resources ?? [],
    };
    return told(await client.api.put<Group>(path, requestBody(plan, config, unmanaged), signal));
  },

  async delete({ client, state, signal }) {
    const path = `/groups/${encodeURIComponent(state.id!)}`;
    try {
      await client.api.delete(path, signal);
    } catch (error) {
      if (isGone(error)) return;
      // NetBird answers 400 for an unknown group too, so only looking tells whether it is gone.
      if (await isMissing(client, path, signal)) return;
      throw error;
    }
  },

  async import(id, { client, signal }) {
    const { field, value } = parseImportId(id);
    const groups = await client.api.list<Group>("/groups", signal);
    if (field === "name") return { id: onlyMatch(groups, "group", "name", value, ({ name }) => name).id };
    const known = groups.some((item) => item.id === id) || !groups.some(({ name }) => name === id);
    return { id: known ? id : onlyMatch(groups, "group", "name", id, ({ name }) => name).id };
  },

  attributeOf: (field) =>
    field === "name" || field === "peers" || field === "resources" ? [field] : undefined,
};

async function isMissing(client: Walk, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.api.get(path, signal);
    return false;
  } catch (error) {
    return isGone(error);
  }
}

function requestBody(
  plan: PlanOf<GroupAttributes>,
  config: PlanOf<GroupAttributes>,
  unmanaged: Required<Pick<GroupRequest, "peers" | "resources">>,
): GroupRequest {
  const managed = <T>(configured: unknown, planned: unknown, otherwise: T): T =>
    configured === null || isUnknown(planned) ? otherwise : (planned as T);
  return {
    name: plan.name as string,
    peers: managed(config.peers, plan.peers, unmanaged.peers),
    resources: managed(config.resources, plan.resources, unmanaged.resources),
  };
}

function told(found: Group): ToldOf<GroupAttributes> {
  return {
    id: found.id,
    name: found.name,
    issued: found.issued,
    peers: (found.peers ?? []).map(({ id }) => id),
    resources: (found.resources ?? []).map(({ id, type }) => ({ id, type })),
  };
}
