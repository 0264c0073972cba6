import { equalValues } from "../convert/compare.ts";
import { isUnknown, type ObjectValue, unknown, type Value } from "../convert/value.ts";
import { type Path, pathText } from "./path.ts";
import type { Planning } from "./plan-modifiers.ts";
import { type Attribute, type Attributes, typeOf } from "./schema.ts";

export interface PlannedResource {
  /** Mutable, so that the resource's own rules can refine it. */
  plan: Record<string, Value>;
  /** Paths whose change needs a new object, sorted. */
  requiresReplace: Path[];
  /** False when nothing would be done. */
  changed: boolean;
}

/**
 * Plans the attributes of a resource by the rules Terraform checks: defaults, write-only values, equal meanings, and
 * "known after apply" for what the provider will set. Pure.
 *
 * @param prior stored attributes, null on create
 * @param proposed Terraform's own merge of prior and config
 */
export function planAttributes(
  attributes: Attributes,
  prior: ObjectValue | null,
  proposed: ObjectValue,
  config: ObjectValue,
): PlannedResource {
  let plan = settleConfigured(attributes, prior, proposed, config);
  const changed = prior === null || !equalValues(typeOf(attributes), prior, plan);
  if (changed) plan = markUnknown(attributes, plan, config);
  const replace: Path[] = [];
  plan = modify(attributes, [], prior, prior, plan, config, replace);
  replace.sort((a, b) => (pathText(a) < pathText(b) ? -1 : 1));
  return { plan, requiresReplace: replace, changed };
}

/** Defaults where nothing is configured, null for write-only values, the stored spelling where it means the same. */
function settleConfigured(
  attributes: Attributes,
  prior: ObjectValue | null,
  proposed: ObjectValue,
  config: ObjectValue,
): Record<string, Value> {
  return mapAttributes(attributes, (name, attribute) => {
    const configured = config[name] ?? null;
    const stored = prior?.[name] ?? null;
    if (attribute.writeOnly) return null;
    if (configured === null) return attribute.default ?? proposed[name] ?? null;
    if (isUnknown(configured)) return configured;
    if (attribute.nested) {
      return mapNested(attribute, configured, (element, step) => {
        // Elements of a set have no place to find their stored counterpart at.
        const isSet = attribute.nested!.nesting === "set";
        const storedElement = isSet ? null : elementAt(stored, step);
        const proposedElement = isSet ? null : elementAt(proposed[name] ?? null, step);
        return settleConfigured(
          attribute.nested!.attributes,
          storedElement,
          proposedElement ?? element,
          element,
        );
      });
    }
    if (stored !== null && attribute.sameMeaning?.(stored as never, configured as never)) return stored;
    return configured;
  });
}

/** What the provider will set, and nothing configures, is not known before it is applied. */
function markUnknown(attributes: Attributes, plan: ObjectValue, config: ObjectValue): Record<string, Value> {
  return mapAttributes(attributes, (name, attribute) => {
    const configured = config[name] ?? null;
    const planned = plan[name] ?? null;
    if (attribute.writeOnly) return null;
    if (configured === null) {
      return attribute.computed && attribute.default === undefined ? unknown : planned;
    }
    if (!attribute.nested || isUnknown(configured) || planned === null) return planned;
    return mapNested(attribute, planned, (element, step) =>
      markUnknown(attribute.nested!.attributes, element, elementAt(configured, step) ?? element),
    );
  });
}

function modify(
  attributes: Attributes,
  at: Path,
  root: ObjectValue | null,
  prior: ObjectValue | null,
  plan: ObjectValue,
  config: ObjectValue | null,
  replace: Path[],
): Record<string, Value> {
  return mapAttributes(attributes, (name, attribute) => {
    const planning: Planning = {
      type: attribute.type,
      path: [...at, name],
      config: config?.[name] ?? null,
      state: prior?.[name] ?? null,
      isCreate: root === null,
      stateRoot: root,
      plan: plan[name] ?? null,
      requiresReplace: false,
    };
    for (const modifier of attribute.modifiers ?? []) modifier(planning);
    if (planning.requiresReplace) replace.push(planning.path);
    if (!attribute.nested || planning.plan === null || isUnknown(planning.plan)) return planning.plan;
    // Elements of a set have no address: neither their stored counterpart nor a path into them exists.
    if (attribute.nested.nesting === "set") return planning.plan;
    return mapNested(attribute, planning.plan, (element, step) =>
      modify(
        attribute.nested!.attributes,
        step === undefined ? planning.path : [...planning.path, step],
        root,
        elementAt(planning.state, step),
        element,
        elementAt(planning.config, step),
        replace,
      ),
    );
  });
}

type ElementStep = number | { readonly key: string } | undefined;

function mapAttributes(
  attributes: Attributes,
  make: (name: string, attribute: Attribute) => Value,
): Record<string, Value> {
  const object: Record<string, Value> = Object.create(null);
  for (const [name, attribute] of Object.entries(attributes)) object[name] = make(name, attribute);
  return object;
}

/** Applies `make` to each object inside a nested attribute; unknown elements stay as they are. */
function mapNested(
  attribute: Attribute,
  value: Value,
  make: (element: ObjectValue, step: ElementStep) => Value,
): Value {
  if (value === null || isUnknown(value)) return value;
  switch (attribute.nested!.nesting) {
    case "single":
      return make(value as ObjectValue, undefined);
    case "list":
    case "set":
      return (value as readonly Value[]).map((element, index) =>
        element === null || isUnknown(element) ? element : make(element as ObjectValue, index),
      );
    case "map":
      return new Map(
        [...(value as ReadonlyMap<string, Value>)].map(([key, element]) => [
          key,
          element === null || isUnknown(element) ? element : make(element as ObjectValue, { key }),
        ]),
      );
  }
}

function elementAt(value: Value, step: ElementStep): ObjectValue | null {
  if (value === null || isUnknown(value)) return null;
  let element: Value | undefined;
  if (step === undefined) element = value;
  else if (typeof step === "number") element = (value as readonly Value[])[step];
  else element = (value as ReadonlyMap<string, Value>).get(step.key);
  return element === undefined || element === null || isUnknown(element) ? null : (element as ObjectValue);
}
