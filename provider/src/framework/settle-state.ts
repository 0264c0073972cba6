import { equalValues } from "../convert/compare.ts";
import { isUnknown, type ObjectValue, type Value } from "../convert/value.ts";
import type { Attribute, Attributes } from "./schema.ts";

/** What an API told, by attribute; left out or undefined means that it does not tell. */
export type ToldObject = { readonly [name: string]: unknown };

/**
 * The state after a read. The stored spelling stays wherever the API means the same, so that a read never shows a
 * change that nobody made; what the API does not tell stays as stored. Pure.
 *
 * @param prior what is stored; all null right after an import
 */
export function settleRead(attributes: Attributes, prior: ObjectValue | null, told: ToldObject): ObjectValue {
  return mapAttributes(attributes, (name, attribute) =>
    settleReadValue(attribute, prior?.[name] ?? null, told[name]),
  );
}

function settleReadValue(attribute: Attribute, prior: Value, told: unknown): Value {
  if (attribute.writeOnly) return null;
  if (attribute.block && told === undefined) return prior ?? [];
  if (told === undefined) return prior ?? (attribute.clientOnly ? (attribute.default ?? null) : null);
  if (attribute.nested && told !== null) {
    const settled = settleNested(attribute, prior, told);
    return keepEmptySpelling(attribute, prior, settled);
  }
  const value = told as Value;
  if (prior !== null && value !== null) {
    if (equalValues(attribute.type, prior, value)) return prior;
    if (attribute.sameMeaning?.(prior as never, value as never)) return prior;
  }
  return keepEmptySpelling(attribute, prior, value);
}

function settleNested(attribute: Attribute, prior: Value, told: unknown): Value {
  const { nesting, attributes } = attribute.nested!;
  switch (nesting) {
    case "single":
      return settleRead(attributes, prior as ObjectValue | null, told as ToldObject);
    case "map": {
      const stored = prior as ReadonlyMap<string, Value> | null;
      return new Map(
        [...(told as ReadonlyMap<string, ToldObject>)].map(([key, element]) => [
          key,
          settleRead(attributes, (stored?.get(key) ?? null) as ObjectValue | null, element),
        ]),
      );
    }
    case "list": {
      const stored = prior as readonly Value[] | null;
      return (told as readonly ToldObject[]).map((element, index) =>
        settleRead(attributes, (stored?.[index] ?? null) as ObjectValue | null, element),
      );
    }
    case "set": {
      const settled = (told as readonly ToldObject[]).map((element) => settleRead(attributes, null, element));
      return prior !== null && equalValues(attribute.type, prior, settled) ? prior : settled;
    }
  }
}

/**
 * Nothing, empty, zero and false are one thing to most APIs and two to Terraform: whichever of them is stored stays.
 * A computed attribute has no such freedom, and an object that counts by its presence has none either.
 */
function keepEmptySpelling(attribute: Attribute, prior: Value, value: Value): Value {
  if (attribute.computed || attribute.presence || attribute.block) return value;
  return isEmpty(prior) && isEmpty(value) ? prior : value;
}

function isEmpty(value: Value): boolean {
  if (value === null || value === "" || value === 0 || value === false) return true;
  if (typeof value !== "object" || isUnknown(value)) return false;
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  return Object.values(value).every((element) => isEmpty(element as Value));
}

/**
 * The state after a create or update: everything the plan knew, exactly as planned (Terraform refuses anything else),
 * and what the API told for the rest. Pure.
 */
export function settleApplied(attributes: Attributes, planned: ObjectValue, told: ToldObject): ObjectValue {
  return mapAttributes(attributes, (name, attribute) =>
    settleAppliedValue(attribute, planned[name] ?? null, told[name]),
  );
}

/**
 * The state after a create or update that failed half-way: as planned, except that what only the provider sets is as
 * the API told. Terraform accepts that beside an error. Pure.
 */
export function settlePartial(attributes: Attributes, planned: ObjectValue, told: ToldObject): ObjectValue {
  return mapAttributes(attributes, (name, attribute) =>
    attribute.computed && !attribute.optional && told[name] !== undefined
      ? complete(attribute, told[name])
      : settleAppliedValue(attribute, planned[name] ?? null, told[name]),
  );
}

function settleAppliedValue(attribute: Attribute, planned: Value, told: unknown): Value {
  if (attribute.block && planned === null) return [];
  if (attribute.writeOnly || planned === null) return null;
  if (isUnknown(planned)) return told === undefined ? null : complete(attribute, told);
  if (!attribute.nested) return knownOrNull(planned);
  const { nesting, attributes } = attribute.nested;
  const toldNested = told ?? undefined;
  switch (nesting) {
    case "single":
      return settleApplied(attributes, planned as ObjectValue, (toldNested as ToldObject | undefined) ?? {});
    case "map":
      return new Map(
        [...(planned as ReadonlyMap<string, Value>)].map(([key, element]) => [
          key,
          settleElement(
            attributes,
            element,
            (toldNested as ReadonlyMap<string, ToldObject> | undefined)?.get(key),
          ),
        ]),
      );
    case "list":
    case "set":
      return (planned as readonly Value[]).map((element, index) =>
        settleElement(
          attributes,
          element,
          nesting === "list" ? (toldNested as readonly ToldObject[] | undefined)?.[index] : undefined,
        ),
      );
  }
}

function settleElement(attributes: Attributes, planned: Value, told: ToldObject | undefined): Value {
  if (planned === null || isUnknown(planned)) return null;
  return settleApplied(attributes, planned as ObjectValue, told ?? {});
}

/** A told value in full shape: every attribute there, write-only ones null. */
function complete(attribute: Attribute, told: unknown): Value {
  // Terraform has no null where it has blocks.
  if (attribute.block && (told === null || told === undefined)) return [];
  if (told === null || told === undefined || attribute.writeOnly) return null;
  if (!attribute.nested) return told as Value;
  const { nesting, attributes } = attribute.nested;
  const object = (element: ToldObject) =>
    mapAttributes(attributes, (name, child) => complete(child, element[name]));
  switch (nesting) {
    case "single":
      return object(told as ToldObject);
    case "map":
      return new Map(
        [...(told as ReadonlyMap<string, ToldObject>)].map(([key, element]) => [key, object(element)]),
      );
    case "list":
    case "set":
      return (told as readonly ToldObject[]).map(object);
  }
}

/** A told object in full shape, for states that nothing was planned for. */
export function completeState(attributes: Attributes, told: ToldObject): ObjectValue {
  return mapAttributes(attributes, (name, attribute) => complete(attribute, told[name]));
}

function knownOrNull(value: Value): Value {
  if (isUnknown(value)) return null;
  if (Array.isArray(value)) return value.map(knownOrNull);
  if (value instanceof Map)
    return new Map(
      [...(value as ReadonlyMap<string, Value>)].map(([key, element]) => [key, knownOrNull(element)]),
    );
  return value;
}

function mapAttributes(
  attributes: Attributes,
  make: (name: string, attribute: Attribute) => Value,
): ObjectValue {
  const object: Record<string, Value> = Object.create(null);
  for (const [name, attribute] of Object.entries(attributes)) object[name] = make(name, attribute);
  return object;
}
