import type { CtyType } from "./cty-type.ts";

/**
 * A value of Terraform's type system. Sets are arrays in no particular order, maps are `Map` (their keys are the
 * user's, and a plain object would reorder "10" and trip over "__proto__"), objects have no prototype.
 */
export type Value =
  | null
  | boolean
  | string
  | NumberValue
  | Unknown
  | Dynamic
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | ObjectValue;

export interface ObjectValue {
  readonly [name: string]: Value;
}

/**
 * `number` for integers that are safe and fractions that a float64 holds, `bigint` for larger integers,
 * {@link Decimal} for every other number.
 */
export type NumberValue = number | bigint | Decimal;

/** A value that will be known only while applying. */
export class Unknown {
  /** What is already certain about it, as the msgpack map Terraform sent; echoed unchanged. */
  readonly refinement: Uint8Array | undefined;

  constructor(refinement?: Uint8Array) {
    this.refinement = refinement;
  }
}

/** Nothing is known about the value. */
export const unknown = new Unknown();

/** All that is known is that it will not be null. Lets `x != null` resolve while planning. */
export const unknownNotNull = new Unknown(Uint8Array.of(0x81, 0x01, 0xc2));

/** A number kept as decimal text, because neither float64 nor an integer can hold it. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value that carries its own type. */
export class Dynamic {
  readonly type: CtyType;
  readonly value: Value;

  constructor(type: CtyType, value: Value) {
    this.type = type;
    this.value = value;
  }
}

export function isUnknown(value: unknown): value is Unknown {
  return value instanceof Unknown;
}

export function isObject(value: Value): value is ObjectValue {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map) &&
    !(value instanceof Unknown) &&
    !(value instanceof Dynamic) &&
    !(value instanceof Decimal)
  );
}

/** An object without prototype, so that an attribute called `constructor` is only that. */
export function objectOf(entries: Iterable<readonly [string, Value]>): ObjectValue {
  const object: Record<string, Value> = Object.create(null);
  for (const [name, value] of entries) object[name] = value;
  return object;
}

/** True when no part of the value is unknown. */
export function isWhollyKnown(value: Value): boolean {
  if (value === null || typeof value !== "object") return true;
  if (value instanceof Unknown) return false;
  if (value instanceof Decimal) return true;
  if (value instanceof Dynamic) return isWhollyKnown(value.value);
  if (value instanceof Map) {
    for (const element of value.values()) if (!isWhollyKnown(element)) return false;
    return true;
  }
  for (const element of Array.isArray(value) ? value : Object.values(value)) {
    if (!isWhollyKnown(element)) return false;
  }
  return true;
}
