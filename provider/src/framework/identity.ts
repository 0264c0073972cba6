import type { CtyType } from "../convert/cty-type.ts";
import type { LosslessJson } from "../convert/lossless-json.ts";
import { isUnknown, type ObjectValue, type Value } from "../convert/value.ts";
import { DiagnosticError } from "./diagnostics.ts";
import type { Attributes } from "./schema.ts";

/** What tells an object apart from all others of its type for as long as it lives. Terraform 1.12 keeps it beside the state. */
export interface Identity {
  /** Grows when a stored identity needs an upgrade, and only then. */
  readonly version: number;
  /** Names of attributes of the resource. All of them are needed to import by identity. */
  readonly attributes: readonly string[];
  /** Changes a stored identity of that version into the next one's. */
  readonly upgrades?: {
    readonly [version: number]: (stored: Map<string, LosslessJson>) => Map<string, LosslessJson>;
  };
}

/** The part of a resource that its identity is made from. */
export interface Identified {
  readonly typeName: string;
  readonly identity?: Identity;
  readonly schema: { readonly attributes: Attributes };
}

/** @returns the type of the identity; undefined for a resource without one */
export function identityType({ identity, schema }: Identified): CtyType | undefined {
  if (identity === undefined) return undefined;
  const types: Record<string, CtyType> = Object.create(null);
  for (const name of identity.attributes) types[name] = schema.attributes[name]!.type;
  return ["object", types];
}

/**
 * The identity that a state, or a plan, gives an object.
 *
 * @returns undefined for a resource without one, and while a part of it is null: Terraform takes all of it or none
 */
export function identityOf({ identity }: Identified, state: ObjectValue | null): ObjectValue | undefined {
  if (identity === undefined || state === null) return undefined;
  const values: Record<string, Value> = Object.create(null);
  for (const name of identity.attributes) {
    const value = state[name] ?? null;
    if (value === null) return undefined;
    values[name] = value;
  }
  return values;
}

/**
 * What reading an object needs, from an identity that the user wrote.
 *
 * @throws {DiagnosticError} naming what is missing in it
 */
export function importedByIdentity({ identity, typeName }: Identified, given: ObjectValue): ObjectValue {
  if (identity === undefined)
    throw new DiagnosticError({
      summary: `${typeName} has no identity`,
      detail: "Import it by `id`.",
    });
  const missing = identity.attributes.filter((name) => {
    const value = given[name] ?? null;
    return value === null || value === "" || isUnknown(value);
  });
  if (missing.length > 0)
    throw new DiagnosticError({
      summary: "The identity is incomplete",
      detail: `To import ${typeName}, give ${identity.attributes.map((name) => `\`${name}\``).join(" and ")} in \`identity\`; ${missing.map((name) => `\`${name}\``).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing.`,
    });
  return given;
}
