import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import type { ObjectValue } from "../convert/value.ts";
import type { Path } from "../framework/path.ts";
import type { ApplyContext, Resource } from "../framework/resource.ts";
import type { Attributes, PlanOf, StateOf, ToldOf } from "../framework/schema.ts";
import type { ToldObject } from "../framework/settle-state.ts";
import { checkRest, namesOf } from "./rest-check.ts";
import { importRest } from "./rest-import.ts";
import { pathOf, type RestKind } from "./rest-kind.ts";
import { unchangedSince } from "./unchanged-since.ts";
import type { Walk } from "./walk.ts";
import { rememberVersion, writeUnchanged } from "./write-unchanged.ts";

/** A resource whose life is that of an object in a REST collection. `more` adds to it, or takes over parts of it. */
export function restResource<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  more: Partial<Resource<A, Walk>> = {},
): Resource<A, Walk> {
  const { attributes, typeName, what, parents = [] } = kind;
  const names = Object.entries(kind.names ?? {});
  const parentsOf = (at: object) =>
    Object.fromEntries(parents.map((name) => [name, (at as Record<string, unknown>)[name]]));
  const told = (found: T, at: object) => ({ ...parentsOf(at), ...kind.told(found) }) as ToldOf<A>;

  const tag = (
    client: Walk,
    state: StateOf<A>,
    update: { config: PlanOf<A>; plan: PlanOf<A> } | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> =>
    kind.listOnly
      ? Promise.resolve(undefined)
      : unchangedSince<T>(
          client,
          pathOf(kind, state),
          {
            typeName,
            attributes,
            state: state as ObjectValue,
            config: (update?.config ?? null) as ObjectValue | null,
            ...(update === undefined ? {} : { wanted: update.plan as ObjectValue }),
            told: (found) => told(found, state) as ToldObject,
          },
          signal,
        );

  async function createOrAdopt(context: ApplyContext<A, Walk>, collection: string): Promise<T> {
    const { client, plan, config, signal, diagnostics } = context;
    const body = kind.createBody({ plan, config, state: null });
    const startedMs = Date.now();
    try {
      return await client.api.post<T>(collection, body, signal);
    } catch (error) {
      if (!mayHaveHappened(error)) throw error;
      const [name, read] = names[0] ?? [];
      const wanted = name === undefined ? undefined : (body as Record<string, unknown>)[name];
      if (kind.unique && read !== undefined && kind.toldOnce === undefined) {
        // Nothing else can have our name: one that appeared since we asked is the one we asked for.
        const items = (await client.api.get<T[] | null>(collection, signal)) ?? [];
        const adopted = items.find((item) => read(item) === wanted && createdSince(startedMs, item));
        if (adopted !== undefined) return adopted;
      }
      diagnostics.warning(
        [],
        `A ${what} may have been left behind`,
        `The answer was lost. Look for one${typeof wanted === "string" ? ` named "${wanted}"` : ""} on the server, and import or delete it.`,
      );
      throw error;
    }
  }

  return {
    typeName,
    schema: { version: kind.version ?? 0, description: kind.description, attributes },
    identity: { version: 0, attributes: [...parents, "id"] },

    async create(context) {
      const { plan, keep } = context;
      const created = await createOrAdopt(context, kind.collection(plan));
      const all = { ...told(created, plan), ...kind.toldOnce?.(created) };
      keep(all);
      rememberVersion(context.private, context.client, created);
      return all;
    },

    async read({ client, state, signal }) {
      const collection = kind.collection(state);
      try {
        const found = kind.listOnly
          ? (await client.api.list<T>(collection, signal)).find(({ id }) => id === idOf(state))
          : await client.api.find<T>(collection, idOf(state), signal);
        if (found === undefined || kind.isGone?.(found)) return undefined;
        client.names.stored(idOf(state), namesOf(kind, found));
        return told(found, state);
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },

    async update({ client, plan, config, state, signal, keep, private: memory }) {
      if (kind.updateBody === undefined) return {};
      const path = pathOf(kind, state);
      const { updateBody } = kind;
      const current = () => client.api.get<T>(path, signal);
      const updated = await writeUnchanged(
        memory,
        () => tag(client, state, { config, plan }, signal),
        // Whatever the body takes from the object is read after its version, so that nothing in between is lost.
        async (version) =>
          client.api.put<T>(path, await updateBody({ plan, config, state }, current), signal, version),
      );
      rememberVersion(memory, client, updated);
      keep(told(updated, plan));
      return told(updated, plan);
    },

    async delete({ client, state, signal, private: memory }) {
      try {
        await writeUnchanged(
          memory,
          () => tag(client, state, undefined, signal),
          (version) => client.api.delete(pathOf(kind, state), signal, version),
        );
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    import: (text, context) => importRest(kind, text, context),

    attributeOf,

    ...more,

    async plan(context) {
      await more.plan?.(context);
      await checkRest(kind, context, (field) =>
        (more.attributeOf ?? attributeOf)(field, context.plan as PlanOf<A>),
      );
    },
  };

  function attributeOf(field: string): Path | undefined {
    const [name = ""] = field.split(/[.[]/);
    return Object.hasOwn(attributes, name) ? [name] : undefined;
  }
}

function idOf(state: object): string {
  return (state as { id: string | null }).id!;
}
