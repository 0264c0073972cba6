import { createdSince } from "../client/created-since.ts";
import { type ApiFailure, isGone, mayHaveHappened } from "../client/failure.ts";
import { equalValues } from "../convert/compare.ts";
import type { ObjectValue, Value } from "../convert/value.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import type { Path } from "../framework/path.ts";
import type { ApplyContext, CallContext, PlanContext, Resource } from "../framework/resource.ts";
import type { Attributes, PlanOf, StateOf, ToldOf } from "../framework/schema.ts";
import type { ToldObject } from "../framework/settle-state.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import { holdsUnknown, preflight } from "./preflight.ts";
import { unchangedSince } from "./unchanged-since.ts";
import type { Walk } from "./walk.ts";
import { rememberVersion, writeUnchanged } from "./write-unchanged.ts";

/** What a resource is told about while a request is made of it. */
export interface RequestParts<A extends Attributes> {
  readonly plan: PlanOf<A>;
  readonly config: PlanOf<A>;
  /** Null on create. */
  readonly state: StateOf<A> | null;
}

/** How one kind of object lives in a REST collection: POST, GET, PUT and DELETE under one path. */
export interface RestKind<A extends Attributes, T extends { id: string }> {
  readonly typeName: string;
  /** For people: `network`. */
  readonly what: string;
  readonly description: string;
  readonly attributes: A;
  readonly version?: number;
  /** Path of the collection; `at` gives the attributes named in {@link parents}. */
  collection(at: { readonly [name: string]: unknown }): string;
  /** Attributes that say which collection, such as `network_id`. They are part of an import id. */
  readonly parents?: readonly string[];
  /** Fields by which an object can be imported beside its id. The first one needs no `field=` before it. */
  readonly names?: { readonly [field: string]: (item: T) => string };
  /** Two objects cannot share the first of {@link names}, so that an object whose creation was not answered is found. */
  readonly unique?: boolean;
  /** The body of POST. */
  createBody(parts: RequestParts<A>): object;
  /** The body of PUT; absent when nothing can be changed in place. */
  updateBody?(parts: RequestParts<A>, current: () => Promise<T>): object | Promise<object>;
  told(found: T): ToldOf<A>;
  /** What only the answer to POST tells. */
  toldOnce?(created: T): ToldOf<A>;
  /** True for what is listed but counts as gone. */
  isGone?(found: T): boolean;
  /** True for a refusal while planning that another object of the same apply takes out of the way. */
  maySettle?(failure: ApiFailure, parts: RequestParts<A>, walk: Walk): boolean;
  /** Creating only takes over an object that exists already: what is written then is a change of it. */
  readonly adopts?: boolean;
  /** Objects of the collection have no GET of their own. */
  readonly listOnly?: boolean;
}

/** A resource whose life is that of an object in a REST collection. `more` adds to it, or takes over parts of it. */
export function restResource<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  more: Partial<Resource<A, Walk>> = {},
): Resource<A, Walk> {
  const { attributes, typeName, what, parents = [] } = kind;
  const names = Object.entries(kind.names ?? {});
  const pathOf = (at: object, id: string) =>
    `${kind.collection(at as Record<string, unknown>)}/${encodeURIComponent(id)}`;
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
          pathOf(state, idOf(state)),
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
        return found === undefined || kind.isGone?.(found) ? undefined : told(found, state);
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },

    async update({ client, plan, config, state, signal, keep, private: memory }) {
      if (kind.updateBody === undefined) return {};
      const path = pathOf(state, idOf(state));
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
          (version) => client.api.delete(pathOf(state, idOf(state)), signal, version),
        );
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    async import(text, context) {
      const { at, rest } = splitParents(text);
      const collection = kind.collection(at);
      const items = (await context.client.api.list<T>(collection, context.signal)).filter(
        (item) => !kind.isGone?.(item),
      );
      return { ...at, id: pick(items, rest, context) } as unknown as ToldOf<A>;
    },

    attributeOf,

    ...more,

    async plan(context) {
      await more.plan?.(context);
      await checkByServer(context);
    },
  };

  function attributeOf(field: string): Path | undefined {
    const [name = ""] = field.split(/[.[]/);
    return Object.hasOwn(attributes, name) ? [name] : undefined;
  }

  /** Asks the server about the request that applying would make, once all of it is known. */
  async function checkByServer(context: PlanContext<A, Walk>): Promise<void> {
    const { client, plan, config, changed, requiresReplace, diagnostics } = context;
    // A replaced object is in its own way until it is gone.
    if (!changed || requiresReplace.length > 0 || diagnostics.hasErrors) return;
    if (client === undefined || !client.ready || client.preflight === "off") return;
    if (holdsUnknown(config) || !sendsAnything(context)) return;
    const state = context.state as StateOf<A> | null;
    if (state !== null && kind.updateBody === undefined) return;
    const parts = { plan: plan as PlanOf<A>, config, state };
    const isNew = state === null && !kind.adopts;
    const path = isNew ? kind.collection(plan) : pathOf(state ?? plan, idOf(state ?? plan));
    await preflight(context, {
      method: isNew ? "POST" : "PUT",
      path,
      body: () =>
        isNew
          ? kind.createBody(parts)
          : kind.updateBody!(parts, () => client.api.get<T>(path, context.signal)),
      doing: `plan ${typeName}`,
      attributeOf: (field) => (more.attributeOf ?? attributeOf)(field, plan as PlanOf<A>),
      // Whatever has the name now can be renamed or deleted first.
      maySettle: (failure) =>
        kind.maySettle?.(failure, parts, client) || (failure.status === 409 && "perhaps"),
    });
  }

  /** False when only settings of the provider itself change. */
  function sendsAnything({ plan, state }: PlanContext<A, Walk>): boolean {
    return (
      state === null ||
      Object.entries(attributes).some(([name, { type, clientOnly, required, optional }]) => {
        const told = required || optional;
        const stored = ((state as Record<string, Value>)[name] ?? null) as Value;
        const planned = ((plan as Record<string, Value>)[name] ?? null) as Value;
        return told && !clientOnly && !equalValues(type, stored, planned);
      })
    );
  }

  function splitParents(text: string): { at: Record<string, string>; rest: string } {
    const steps = text.trim().split("/");
    if (parents.length === 0) return { at: {}, rest: text };
    if (steps.length <= parents.length)
      throw new DiagnosticError({
        summary: "Unknown form of id",
        detail: `Give ${[...parents, "id"].map((name) => `<${name}>`).join("/")}, or <${parents.join(">/<")}>/name=<name>.`,
      });
    return {
      at: Object.fromEntries(parents.map((name, index) => [name, steps[index]!])),
      rest: steps.slice(parents.length).join("/"),
    };
  }

  function pick(items: readonly T[], text: string, _context: CallContext<Walk>): string {
    const { field, value } = parseImportId(text);
    if (field === undefined || field === "id") {
      const first = names[0];
      const known = items.some(({ id }) => id === value);
      if (field === "id" || known || first === undefined) return value;
      if (items.some((item) => first[1](item) === value))
        return onlyMatch(items, what, first[0], value, first[1]).id;
      return value;
    }
    const named = names.find(([name]) => name === field);
    if (named === undefined)
      throw new DiagnosticError({
        summary: "Unknown form of id",
        detail: `Give the id, or one of ${names.map(([name]) => `${name}=<${name}>`).join(", ")}.`,
      });
    return onlyMatch(items, what, field, value, named[1]).id;
  }
}

function idOf(state: object): string {
  return (state as { id: string | null }).id!;
}
