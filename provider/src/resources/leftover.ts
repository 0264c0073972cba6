import { mayHaveHappened } from "../client/failure.ts";
import type { Diagnostics } from "../framework/diagnostics.ts";

/** A secret is told once: when that answer is lost, what was made is of no use, and somebody has to delete it. */
export function warnAboutLeftover(
  error: unknown,
  what: string,
  name: unknown,
  diagnostics: Diagnostics,
): void {
  if (!mayHaveHappened(error)) return;
  diagnostics.warning(
    [],
    `A ${what} may have been left behind`,
    `The answer was lost. Look for a ${what} named "${String(name)}" on the server, and delete it.`,
  );
}
