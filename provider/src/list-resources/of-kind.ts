import {
  itemsByLabel,
  type ListedKind,
  labelOf,
  listSelectors,
  parentsOf,
} from "../data-sources/from-kind.ts";
import type { ListResource } from "../framework/list-resource.ts";
import type { Attributes } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";

/** Finds the objects of a collection. Their identity is the id, and what says which collection. */
export function listResourceOf<A extends Attributes, T extends { id: string }>(
  kind: ListedKind<A, T>,
): ListResource<Attributes, Walk> {
  const label = labelOf(kind);
  return {
    typeName: kind.typeName,
    schema: {
      version: 0,
      description: `Finds every ${kind.what} that exists, whether Terraform manages it or not.`,
      attributes: listSelectors(kind),
    },
    async *list(context) {
      const config = context.config as Record<string, unknown>;
      for (const item of await itemsByLabel(kind, context)) {
        yield {
          identity: { ...parentsOf(kind, config), id: item.id },
          displayName: label(item) || item.id,
        };
      }
    },
  };
}
