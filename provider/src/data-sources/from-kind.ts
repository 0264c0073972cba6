import type { CallContext, DataSource } from "../framework/resource.ts";
import {
  type Attribute,
  type Attributes,
  nestedList,
  type StateOf,
  type ToldOf,
  text,
} from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { requireSelector, selectOne } from "./select-one.ts";
import { shownAttributes, withoutConsequences } from "./shown-attributes.ts";

/** What a data source needs to know of a kind of object; every `RestKind` does. */
export interface ListedKind<A extends Attributes, T extends { id: string }> {
  readonly typeName: string;
  /** For people: `network`. */
  readonly what: string;
  readonly attributes: A;
  collection(at: { readonly [name: string]: unknown }): string;
  readonly parents?: readonly string[];
  readonly names?: { readonly [field: string]: (item: T) => string };
  told(found: T): ToldOf<A>;
  isGone?(found: T): boolean;
}

/** Attributes that are the same as those of a resource, with the values they have there. */
type Shown = Attributes;

/** One object of a collection, found by its id or by one of its names. */
export function oneOfKind<A extends Attributes, T extends { id: string }>(
  kind: ListedKind<A, T>,
): DataSource<Shown, Walk> {
  const selectors = ["id", ...Object.keys(kind.names ?? {})];
  const attributes = shownAttributes(kind.attributes, { selectors, parents: kind.parents ?? [] });
  const by =
    selectors.length === 1 ? selectors[0]! : `${selectors.slice(0, -1).join(", ")} or ${selectors.at(-1)}`;
  return {
    typeName: kind.typeName,
    schema: { version: 0, description: `One ${kind.what}, found by ${by}.`, attributes },
    validate: (config, diagnostics) => requireSelector(config, selectors, diagnostics),
    async read(context) {
      const config = context.config as Record<string, unknown>;
      const readName = kind.names ?? {};
      const found = selectOne(
        kind.what,
        await itemsOf(kind, context),
        Object.fromEntries(
          selectors.map((name) => [
            name,
            {
              wanted: config[name],
              of: (item: T) => (name === "id" ? item.id : readName[name]!(item)),
              sameMeaning: attributes[name]?.sameMeaning,
            },
          ]),
        ),
        labelOf(kind),
      );
      return { ...parentsOf(kind, config), ...kind.told(found) } as ToldOf<Shown>;
    },
  };
}

/** All objects of a collection, by name. */
export function listOfKind<A extends Attributes, T extends { id: string }>(
  kind: ListedKind<A, T>,
  options: { readonly typeName: string; readonly list: string; readonly description: string },
): DataSource<Shown, Walk> {
  const shown = shownAttributes(kind.attributes, { selectors: [], parents: [] });
  const attributes = listSelectors(kind);
  attributes[options.list] = nestedList(shown, {
    description: `What was found${kind.names?.name === undefined ? "" : ", by name"}.`,
    computed: true,
  }) as Attribute;
  return {
    typeName: options.typeName,
    schema: { version: 0, description: options.description, attributes },
    async read(context) {
      const config = context.config as Record<string, unknown>;
      const found = await itemsByLabel(kind, context);
      return {
        [options.list]: found.map((item) => ({ ...parentsOf(kind, config), ...kind.told(item) })),
      } as ToldOf<Shown>;
    },
  };
}

/** The items of a collection whose name contains what `name_contains` says, in an order that stays the same. */
export async function itemsByLabel<A extends Attributes, T extends { id: string }>(
  kind: ListedKind<A, T>,
  context: CallContext<Walk> & { readonly config: StateOf<Attributes> },
): Promise<T[]> {
  const filter = kind.names?.name;
  const wanted = String((context.config as Record<string, unknown>).name_contains ?? "").toLowerCase();
  const label = labelOf(kind);
  return (
    (await itemsOf(kind, context))
      .filter((item) => filter === undefined || filter(item).toLowerCase().includes(wanted))
      // The server's order is arbitrary; ours must not change from plan to plan.
      .sort((a, b) => label(a).localeCompare(label(b), "en") || (a.id < b.id ? -1 : 1))
  );
}

/** What says where to look, and for which names. */
export function listSelectors<A extends Attributes, T extends { id: string }>({
  parents = [],
  attributes,
  names,
}: ListedKind<A, T>): Record<string, Attribute> {
  const selectors: Record<string, Attribute> = Object.create(null);
  for (const name of parents)
    selectors[name] = text({
      description: withoutConsequences(attributes[name]!.description),
      required: true,
    });
  if (names?.name !== undefined)
    selectors.name_contains = text({
      description: "Only those whose name contains this, whatever the case.",
      optional: true,
    });
  return selectors;
}

async function itemsOf<A extends Attributes, T extends { id: string }>(
  kind: ListedKind<A, T>,
  { client, signal, config }: CallContext<Walk> & { readonly config: StateOf<Attributes> },
): Promise<T[]> {
  const items = await client.api.list<T>(kind.collection(config as Record<string, unknown>), signal);
  return items.filter((item) => !kind.isGone?.(item));
}

export function parentsOf(
  kind: { readonly parents?: readonly string[] },
  config: Record<string, unknown>,
): object {
  return Object.fromEntries((kind.parents ?? []).map((name) => [name, config[name]]));
}

export function labelOf<T extends { id: string }>(kind: {
  readonly names?: { readonly [field: string]: (item: T) => string };
}): (item: T) => string {
  const [first] = Object.values(kind.names ?? {});
  return first ?? (({ id }) => id);
}
