import type { Value } from "../../src/convert/value.ts";
import type { Attribute, Attributes } from "../../src/framework/schema.ts";

/** An attribute at any depth of a schema. */
export interface SchemaPath {
  /** `rule.ports`: elements of lists, sets and maps are left out. */
  readonly path: string;
  readonly attribute: Attribute;
}

/** What a configuration may set, at any depth. */
export function settablePaths(attributes: Attributes, under = ""): SchemaPath[] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    if (!attribute.required && !attribute.optional) return [];
    const path = `${under}${name}`;
    const inner = attribute.nested ? settablePaths(attribute.nested.attributes, `${path}.`) : [];
    return [{ path, attribute }, ...inner];
  });
}

/** Whether another value of the attribute needs a new object, found by planning one. */
export function forcesReplacement({ type, modifiers = [] }: Attribute): boolean {
  const [stored, planned] = twoValues(type);
  return modifiers.some((modify) => {
    const planning = {
      type,
      path: ["x"],
      config: planned,
      state: stored,
      isCreate: false,
      stateRoot: {},
      plan: planned,
      requiresReplace: false,
    };
    modify(planning);
    return planning.requiresReplace;
  });
}

function twoValues(type: Attribute["type"]): [Value, Value] {
  if (type === "number") return [1, 2];
  if (type === "bool") return [false, true];
  if (type === "string") return ["stored", "planned"];
  // No modifier looks into these: one that is there, and one that is not.
  return [null, Array.isArray(type) && type[0] === "map" ? new Map() : type[0] === "object" ? {} : []];
}

export const isCollection = ({ type }: Attribute): boolean => Array.isArray(type);
