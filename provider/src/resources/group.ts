import type { Group, GroupRequest, NetworkResource } from "../client/api-types.ts";
import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { isUnknown, type Unknown, unknown } from "../convert/value.ts";
import type { Path } from "../framework/path.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { PlanContext, Resource } from "../framework/resource.ts";
import { integer, type PlanOf, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import { byId } from "./identity.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import { holdsUnknown, preflight } from "./preflight.ts";
import { unchangedSince } from "./unchanged-since.ts";
import type { Walk } from "./walk.ts";
import { rememberVersion, writeOn, writeUnchanged } from "./write-unchanged.ts";

export const groupAttributes = {
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
  resources: setOfText({
    description: "Ids of the network resources in the group. Without it, they are left alone.",
    optional: true,
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  peers_count: integer({
    description: "How many peers are in the group.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  resources_count: integer({
    description: "How many resources are in the group.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  issued: text({
    description: "Where the group comes from: `api`, `jwt` or `integration`.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

type GroupAttributes = typeof groupAttributes;

export const group: Resource<GroupAttributes, Walk> = {
  typeName: "netbird_group",
  schema: {
    version: 1,
    description: "A group of peers and network resources.",
    attributes: groupAttributes,
  },
  identity: byId,

  upgrades: {
    // Resources were objects of id and type once. The official provider has ids, under version 0 too.
    0: (stored) => {
      const resources = stored.get("resources");
      if (!Array.isArray(resources)) return stored;
      const ids = resources.map((one) => (one instanceof Map ? (one.get("id") ?? null) : one));
      return stored.set("resources", ids);
    },
  },

  async plan(context) {
    const { plan, state, config, changed } = context;
    if (!changed) return;
    if (config.peers !== null) plan.peers_count = countOf(plan.peers);
    if (config.resources !== null) plan.resources_count = countOf(plan.resources);
    if (state !== null) return checkByServer(context);
    // Nobody can be in a group that does not exist yet.
    if (config.peers === null) {
      plan.peers = [];
      plan.peers_count = 0;
    }
    if (config.resources === null) {
      plan.resources = [];
      plan.resources_count = 0;
    }
    plan.issued = "api";
    await checkByServer(context);
  },

  async create({ client, plan, config, signal, keep, private: memory }) {
    const body = await requestBody(client, plan, config, { peers: [], resources: [] }, signal);
    const startedMs = Date.now();
    try {
      const created = await client.api.post<Group>("/groups", body, signal);
      keep(toldGroup(created));
      rememberVersion(memory, client, created);
      return toldGroup(created);
    } catch (error) {
      if (!mayHaveHappened(error)) throw error;
      // Names are unique: a group with ours that appeared since we asked is the one we asked for.
      const groups = await client.api.get<Group[]>("/groups", signal);
      const adopted = groups.find(({ id, name }) => name === body.name && createdSince(startedMs, { id }));
      if (adopted === undefined) throw error;
      keep(toldGroup(adopted));
      return toldGroup(adopted);
    }
  },

  async read({ client, state, signal }) {
    try {
      return toldGroup(await client.api.find<Group>("/groups", state.id!, signal));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  },

  async update({ client, plan, config, state, signal, private: memory }) {
    const path = `/groups/${encodeURIComponent(state.id!)}`;
    const read = () =>
      unchangedSince<Group>(
        client,
        path,
        {
          typeName: "netbird_group",
          attributes: groupAttributes,
          state,
          config: config as never,
          wanted: plan as never,
          told: toldGroup,
        },
        signal,
      );
    const updated = await writeOn(await read(), read, async (tag) => {
      // PUT replaces everything: members that nobody configured are read again, after the version that they belong to.
      const current = await client.api.get<Group>(path, signal);
      const unmanaged = {
        peers: (current.peers ?? []).map(({ id }) => id),
        resources: current.resources ?? [],
      };
      const body = await requestBody(client, plan, config, unmanaged, signal);
      return client.api.put<Group>(path, body, signal, tag);
    });
    rememberVersion(memory, client, updated);
    return toldGroup(updated);
  },

  async delete({ client, state, signal, private: memory }) {
    const path = `/groups/${encodeURIComponent(state.id!)}`;
    try {
      await writeUnchanged(
        memory,
        () =>
          unchangedSince<Group>(
            client,
            path,
            { typeName: "netbird_group", attributes: groupAttributes, state, config: null, told: toldGroup },
            signal,
          ),
        (version) => client.api.delete(path, signal, version),
      );
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

/** Asks about the request that applying would make; members that nobody configures go without saying. */
async function checkByServer(context: PlanContext<GroupAttributes, Walk>): Promise<void> {
  const { client, plan, config, state } = context;
  const { name, peers } = config;
  if (client === undefined || !client.ready || holdsUnknown([name, peers, config.resources])) return;
  await preflight(context, {
    method: state === null ? "POST" : "PUT",
    path: state === null ? "/groups" : `/groups/${encodeURIComponent(String(state.id))}`,
    body: {
      name,
      peers: peers === null ? [...((state?.peers as readonly string[] | undefined) ?? [])] : plan.peers,
    },
    doing: "plan netbird_group",
    attributeOf: group.attributeOf as (field: string) => Path | undefined,
    maySettle: ({ status }) => status === 409 && "perhaps",
  });
}

async function isMissing(client: Walk, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.api.get(path, signal);
    return false;
  } catch (error) {
    return isGone(error);
  }
}

async function requestBody(
  client: Walk,
  plan: PlanOf<GroupAttributes>,
  config: PlanOf<GroupAttributes>,
  unmanaged: Required<Pick<GroupRequest, "peers" | "resources">>,
  signal: AbortSignal,
): Promise<GroupRequest> {
  return {
    name: plan.name as string,
    peers: isManaged(config.peers, plan.peers) ? [...(plan.peers as readonly string[])] : unmanaged.peers,
    resources: isManaged(config.resources, plan.resources)
      ? await withTypes(client, plan.resources as readonly string[], unmanaged.resources, signal)
      : unmanaged.resources,
  };
}

function isManaged(configured: unknown, planned: unknown): boolean {
  return configured !== null && !isUnknown(planned);
}

/** The API wants to hear what kind of resource each id is; what is in the group already has said so. */
async function withTypes(
  client: Walk,
  ids: readonly string[],
  members: NonNullable<GroupRequest["resources"]>,
  signal: AbortSignal,
): Promise<NonNullable<GroupRequest["resources"]>> {
  const types = new Map(members.map(({ id, type }) => [id, type]));
  if (ids.some((id) => !types.has(id)))
    for (const { id, type } of await client.api.list<NetworkResource>("/networks/resources", signal))
      types.set(id, type);
  // Whatever is no network resource can only be a peer.
  return [...ids].sort().map((id) => ({ id, type: types.get(id) ?? "peer" }));
}

function countOf(set: unknown): number | Unknown {
  if (!Array.isArray(set)) return unknown;
  return set.some(isUnknown) ? unknown : set.length;
}

export function toldGroup(found: Group): ToldOf<GroupAttributes> {
  return {
    id: found.id,
    name: found.name,
    issued: found.issued,
    peers: (found.peers ?? []).map(({ id }) => id),
    resources: (found.resources ?? []).map(({ id }) => id),
    peers_count: found.peers_count,
    resources_count: found.resources_count,
  };
}
