import { DiagnosticError } from "../framework/diagnostics.ts";

/** What the user gave to `terraform import`: `name=shop`, or a bare value. */
export function parseImportId(text: string): { field: string | undefined; value: string } {
  const match = /^([a-z_]+)=(.+)$/s.exec(text.trim());
  return match === null ? { field: undefined, value: text.trim() } : { field: match[1], value: match[2]! };
}

/**
 * The one item with that value.
 * @throws {DiagnosticError} when there is none, or more than one, naming what there is
 */
export function onlyMatch<T extends { id: string }>(
  items: readonly T[],
  what: string,
  field: string,
  value: string,
  readField: (item: T) => string,
): T {
  const matches = items.filter((item) => readField(item) === value);
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1)
    throw new DiagnosticError({
      summary: `More than one ${what} has ${field} "${value}"`,
      detail: `Use the id instead: ${matches.map(({ id }) => id).join(", ")}.`,
    });
  const candidates = items.map(readField).sort();
  const shown = candidates.slice(0, 20).join(", ");
  throw new DiagnosticError({
    summary: `There is no ${what} with ${field} "${value}"`,
    detail:
      candidates.length === 0
        ? `The account has no ${what} at all.`
        : `There are: ${shown}${candidates.length > 20 ? ", ..." : ""}.`,
  });
}
