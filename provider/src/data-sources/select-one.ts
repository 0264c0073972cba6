import { isUnknown } from "../convert/value.ts";
import { DiagnosticError, type Diagnostics } from "../framework/diagnostics.ts";

/** Checks that at least one of the attributes by which an object can be found is configured. */
export function requireSelector(
  config: { readonly [name: string]: unknown },
  names: readonly string[],
  diagnostics: Diagnostics,
): void {
  if (names.some((name) => config[name] !== null && config[name] !== undefined)) return;
  const quoted = names.map((name) => `\`${name}\``);
  diagnostics.error([], "Nothing to look for", `Set at least one of ${quoted.join(", ")}.`);
}

/**
 * The one item that fits every given selector.
 * @throws {DiagnosticError} when none does, more than one does, or the selectors name different items
 */
export function selectOne<T extends { id: string }>(
  what: string,
  items: readonly T[],
  selectors: {
    readonly [attribute: string]: {
      readonly wanted: unknown;
      readonly of: (item: T) => unknown;
      /** Without it, only the same spelling is the same. */
      readonly sameMeaning?: (a: never, b: never) => boolean;
    };
  },
  label: (item: T) => string,
): T {
  const given = Object.entries(selectors).filter(([, { wanted }]) => wanted !== null && !isUnknown(wanted));
  const fitting = items.filter((item) =>
    given.every(
      ([, { wanted, of, sameMeaning }]) =>
        of(item) === wanted || sameMeaning?.(of(item) as never, wanted as never) === true,
    ),
  );
  if (fitting.length === 1) return fitting[0]!;
  const sought = given.map(([attribute, { wanted }]) => `${attribute} "${String(wanted)}"`).join(" and ");
  const path = [given[0]?.[0] ?? "id"];
  if (fitting.length > 1)
    throw new DiagnosticError({
      summary: `More than one ${what} has ${sought}`,
      detail: `Use the id: ${fitting.map((item) => `${item.id} (${label(item)})`).join(", ")}.`,
      path,
    });
  const known = items.map(label).sort();
  throw new DiagnosticError({
    summary: `There is no ${what} with ${sought}`,
    detail:
      known.length === 0
        ? `The account has no ${what} at all.`
        : `There are: ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", ..." : ""}.`,
    path,
  });
}
