import type { CtyType } from "../convert/cty-type.ts";
import type { Unknown, Value } from "../convert/value.ts";
import type { PlanModifier } from "./plan-modifiers.ts";
import type { Validator } from "./validators.ts";

/** What every attribute may say about itself, beside its type. */
export interface AttributeOptions<T> {
  /** Markdown; goes to the documentation and to the editor. */
  description: string;
  required?: boolean;
  optional?: boolean;
  /** The provider may set it. */
  computed?: boolean;
  /** Terraform hides it in output, but keeps it in state. */
  sensitive?: boolean;
  /** Never in plan or state; the value is only in the configuration. Needs Terraform 1.11. */
  writeOnly?: boolean;
  /** Used while nothing is configured; also repairs drift. Makes the attribute optional and computed. */
  default?: T;
  /** The API knows nothing of it: reading keeps what the state says, and an import begins with the default. */
  clientOnly?: boolean;
  /** A nested object that means something by being there, even when everything in it is empty. */
  presence?: boolean;
  /** Only of a nested list: written as repeated blocks, and an empty list when there is none. */
  block?: boolean;
  validators?: readonly Validator[];
  modifiers?: readonly PlanModifier[];
  /** True when both spellings mean the same, so that neither plan nor read reports a change. */
  sameMeaning?: (a: T, b: T) => boolean;
  deprecated?: string;
}

export type Nesting = "single" | "list" | "set" | "map";

/** One attribute of a schema. `T` is its value once known and not null. */
export interface Attribute<T = unknown> extends Omit<AttributeOptions<never>, "default" | "sameMeaning"> {
  readonly type: CtyType;
  readonly nested?: { readonly nesting: Nesting; readonly attributes: Attributes };
  readonly default?: Value;
  readonly sameMeaning?: (a: never, b: never) => boolean;
  /** Only for the type checker. */
  readonly __value?: T;
}

export interface Attributes {
  readonly [name: string]: Attribute;
}

export interface Schema<A extends Attributes = Attributes> {
  /** Grows when stored state needs an upgrade, and only then. */
  readonly version: number;
  readonly description: string;
  readonly attributes: A;
}

/** The attributes once everything is known: state, and what an API said. */
export type StateOf<A extends Attributes> = {
  [K in keyof A]: A[K] extends Attribute<infer T> ? T | null : never;
};

/** The attributes as in configuration and plan, where any part may still be unknown. */
export type PlanOf<A extends Attributes> = { [K in keyof A]: MaybeUnknown<StateOf<A>[K]> };

/** What an API told: an attribute that is left out (or undefined) is one that it does not tell. */
export type ToldOf<A extends Attributes> = { [K in keyof A]?: Told<StateOf<A>[K]> };

export type MaybeUnknown<T> = T extends null
  ? null
  : T extends string | number | boolean
    ? T | Unknown
    : T extends ReadonlyMap<string, infer E>
      ? ReadonlyMap<string, MaybeUnknown<E>> | Unknown
      : T extends readonly (infer E)[]
        ? readonly MaybeUnknown<E>[] | Unknown
        : { [K in keyof T]: MaybeUnknown<T[K]> } | Unknown;

export type Told<T> = T extends null | string | number | boolean
  ? T
  : T extends ReadonlyMap<string, infer E>
    ? ReadonlyMap<string, Told<E>>
    : T extends readonly (infer E)[]
      ? readonly Told<E>[]
      : { [K in keyof T]?: Told<T[K]> };

function attribute<T>(
  type: CtyType,
  options: AttributeOptions<T>,
  nested?: Attribute["nested"],
): Attribute<T> {
  const hasDefault = options.default !== undefined;
  return {
    ...options,
    optional: options.optional ?? hasDefault,
    computed: options.computed ?? hasDefault,
    type,
    nested,
  } as Attribute<T>;
}

export function text(options: AttributeOptions<string>): Attribute<string> {
  return attribute("string", options);
}

export function flag(options: AttributeOptions<boolean>): Attribute<boolean> {
  return attribute("bool", options);
}

/** A whole number that fits a JavaScript number; others are refused while validating. */
export function integer(options: AttributeOptions<number>): Attribute<number> {
  const whole: Validator = (value, at, diagnostics) => {
    if (!Number.isSafeInteger(value)) diagnostics.error(at, "Not a whole number", "Use a whole number.");
  };
  return attribute("number", { ...options, validators: [whole, ...(options.validators ?? [])] });
}

export function setOfText(options: AttributeOptions<readonly string[]>): Attribute<readonly string[]> {
  return attribute(["set", "string"], options);
}

export function listOfText(options: AttributeOptions<readonly string[]>): Attribute<readonly string[]> {
  return attribute(["list", "string"], options);
}

export function mapOfText(
  options: AttributeOptions<ReadonlyMap<string, string>>,
): Attribute<ReadonlyMap<string, string>> {
  return attribute(["map", "string"], options);
}

export function mapOfSets(
  options: AttributeOptions<ReadonlyMap<string, readonly string[]>>,
): Attribute<ReadonlyMap<string, readonly string[]>> {
  return attribute(["map", ["set", "string"]], options);
}

export function nested<A extends Attributes>(
  attributes: A,
  options: AttributeOptions<StateOf<A>>,
): Attribute<StateOf<A>> {
  return attribute(typeOf(attributes), options, { nesting: "single", attributes });
}

export function nestedMap<A extends Attributes>(
  attributes: A,
  options: AttributeOptions<ReadonlyMap<string, StateOf<A>>>,
): Attribute<ReadonlyMap<string, StateOf<A>>> {
  return attribute(["map", typeOf(attributes)], options, { nesting: "map", attributes });
}

export function nestedList<A extends Attributes>(
  attributes: A,
  options: AttributeOptions<readonly StateOf<A>[]>,
): Attribute<readonly StateOf<A>[]> {
  return attribute(["list", typeOf(attributes)], options, { nesting: "list", attributes });
}

export function nestedSet<A extends Attributes>(
  attributes: A,
  options: AttributeOptions<readonly StateOf<A>[]>,
): Attribute<readonly StateOf<A>[]> {
  return attribute(["set", typeOf(attributes)], options, { nesting: "set", attributes });
}

/** The type of an object with these attributes. */
export function typeOf(attributes: Attributes): CtyType {
  const types: Record<string, CtyType> = Object.create(null);
  for (const [name, { type }] of Object.entries(attributes)) types[name] = type;
  return ["object", types];
}
