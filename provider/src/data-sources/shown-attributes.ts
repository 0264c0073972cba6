import { type Attribute, type Attributes, typeOf } from "../framework/schema.ts";

/**
 * The attributes of a resource as a data source shows them: all of them read-only, without what the API tells only once
 * and what only the provider knows.
 *
 * @param selectors by which the object can be looked for
 * @param parents that say where to look
 */
export function shownAttributes(
  attributes: Attributes,
  { selectors, parents }: { readonly selectors: readonly string[]; readonly parents: readonly string[] },
): Attributes {
  const shown: Record<string, Attribute> = Object.create(null);
  for (const [name, attribute] of Object.entries(attributes)) {
    if (attribute.sensitive || attribute.writeOnly || attribute.clientOnly) continue;
    const { type, nested, deprecated, sameMeaning } = attribute;
    const description = withoutConsequences(attribute.description);
    shown[name] = {
      type: nested === undefined ? type : shownType(attribute),
      description,
      deprecated,
      sameMeaning,
      required: parents.includes(name),
      optional: selectors.includes(name),
      computed: !parents.includes(name),
      nested:
        nested === undefined
          ? undefined
          : {
              nesting: nested.nesting,
              attributes: shownAttributes(nested.attributes, { selectors: [], parents: [] }),
            },
    };
  }
  return shown;
}

function shownType({ nested }: Attribute): Attribute["type"] {
  const inner = typeOf(shownAttributes(nested!.attributes, { selectors: [], parents: [] }));
  return nested!.nesting === "single" ? inner : [nested!.nesting, inner];
}

/** What a change does, and what follows when nothing is configured, is about resources. */
export function withoutConsequences(description: string): string {
  return description.replace(/ (A change makes|Without it|Defaults to)\b.*$/s, "");
}
