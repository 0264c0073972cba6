import { DiagnosticError } from "../framework/diagnostics.ts";
import type { CallContext } from "../framework/resource.ts";
import type { Attributes, ToldOf } from "../framework/schema.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import type { RestKind } from "./rest-kind.ts";
import type { Walk } from "./walk.ts";

/**
 * The object that an import names: by its id, or by one of the names of its kind, below the ids of its parents.
 * @throws {DiagnosticError} when the text has another form, or names none or several
 */
export async function importRest<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  text: string,
  { client, signal }: CallContext<Walk>,
): Promise<ToldOf<A>> {
  const { at, rest } = splitParents(kind.parents ?? [], text);
  const items = await client.api.list<T>(kind.collection(at), signal);
  const there = items.filter((item) => !kind.isGone?.(item));
  return { ...at, id: pick(kind, there, rest) } as unknown as ToldOf<A>;
}

function splitParents(
  parents: readonly string[],
  text: string,
): { at: Record<string, string>; rest: string } {
  const steps = text.trim().split("/");
  if (parents.length === 0) return { at: {}, rest: text };
  if (steps.length <= parents.length)
    throw new DiagnosticError({
      summary: "Unknown form of id",
      detail: `Give ${[...parents, "id"].map((name) => `<${name}>`).join("/")}, or <${parents.join(">/<")}>/name=<name>.`,
    });
  return {
    at: Object.fromEntries(parents.map((name, index) => [name, steps[index]!])),
    rest: steps.slice(parents.length).join("/"),
  };
}

function pick<A extends Attributes, T extends { id: string }>(
  { what, names: fields = {} }: RestKind<A, T>,
  items: readonly T[],
  text: string,
): string {
  const names = Object.entries(fields);
  const { field, value } = parseImportId(text);
  if (field === undefined || field === "id") {
    const first = names[0];
    const known = items.some(({ id }) => id === value);
    if (field === "id" || known || first === undefined) return value;
    if (items.some((item) => first[1](item) === value))
      return onlyMatch(items, what, first[0], value, first[1]).id;
    return value;
  }
  const named = names.find(([name]) => name === field);
  if (named === undefined)
    throw new DiagnosticError({
      summary: "Unknown form of id",
      detail: `Give the id, or one of ${names.map(([name]) => `${name}=<${name}>`).join(", ")}.`,
    });
  return onlyMatch(items, what, field, value, named[1]).id;
}
