import type { Json } from "../support/management-server.ts";

/** Top-level attributes in HCL, by name; undefined for none. */
export type Written = Readonly<Record<string, string | undefined>>;

export interface Replacement {
  /** The attribute whose change needs a new object. */
  readonly by: string;
  /** What is written in its place, with whatever else has to fit to it. */
  readonly written: Written;
  /** What forces the new object, where it is more than that attribute. */
  readonly forcedBy?: readonly string[];
}

/** A resource, and every way to make a new object of it. */
export interface ReplacementCase {
  readonly type: string;
  readonly label?: string;
  readonly written: Written;
  readonly replacements: readonly Replacement[];
  /** Of the collection of the object, below /api. */
  readonly collection: (state: Json) => string;
  /** The object outlives its resource. */
  readonly stays?: boolean;
}

export const addressOf = ({ type, label = "this" }: { type: string; label?: string }): string =>
  `${type}.${label}`;

export function block(
  { type, label = "this" }: { type: string; label?: string },
  written: Written,
  more = "",
): string {
  const lines = Object.entries(written).filter(([, value]) => value !== undefined);
  return `resource "${type}" "${label}" {\n${lines.map(([name, value]) => `${name} = ${value}`).join("\n")}\n${more}\n}`;
}
