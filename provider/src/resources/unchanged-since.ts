import { equalValues } from "../convert/compare.ts";
import type { ObjectValue } from "../convert/value.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import type { Attributes } from "../framework/schema.ts";
import { settleRead, type ToldObject } from "../framework/settle-state.ts";
import type { Walk } from "./walk.ts";

/**
 * The version of an object that a write may replace: what the plan was made from. Two people who apply at the same time
 * would otherwise overwrite each other without a word.
 *
 * @param config what is configured; null when the object is deleted
 * @returns undefined when the server does not name versions; then the write goes ahead as it always did
 * @throws {DiagnosticError} when somebody changed what this configuration manages
 */
export async function unchangedSince<T>(
  { api }: Walk,
  path: string,
  options: {
    readonly typeName: string;
    readonly attributes: Attributes;
    readonly state: ObjectValue;
    readonly config: ObjectValue | null;
    /** What is to be written: an attribute that has that value already was changed by nobody, or to no harm. */
    readonly wanted?: ObjectValue;
    readonly told: (found: T) => ToldObject;
    /** Attributes that may have changed: by this apply itself. */
    readonly except?: readonly string[];
  },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!api.namesVersions) return undefined;
  const { value, tag } = await api.getTagged<T>(path, signal);
  if (tag === undefined) return undefined;
  const { attributes, state, config, wanted, told, typeName, except = [] } = options;
  const now = settleRead(attributes, state, told(value));
  const changed = Object.entries(attributes)
    .filter(([name]) => !except.includes(name))
    .filter(([name, attribute]) => isManaged(attribute, config === null ? undefined : config[name]))
    .filter(([name, { type }]) => !equalValues(type, state[name] ?? null, now[name] ?? null))
    .filter(
      ([name, { type }]) =>
        wanted === undefined || !equalValues(type, wanted[name] ?? null, now[name] ?? null),
    )
    .map(([name]) => name);
  if (changed.length === 0) return tag;
  throw new DiagnosticError({
    summary: `Changed by somebody else since it was planned (${typeName})`,
    detail: `${changed.map((name) => `\`${name}\``).join(", ")} changed on the server after this plan was made. Nothing was overwritten; run the plan again.`,
  });
}

/** What nobody configures may change at any time: members that join, states, times. */
function isManaged(attribute: Attributes[string], configured: unknown): boolean {
  if (attribute.writeOnly || attribute.clientOnly) return false;
  if (attribute.computed && attribute.default === undefined)
    return attribute.optional === true && configured !== undefined && configured !== null;
  return true;
}
