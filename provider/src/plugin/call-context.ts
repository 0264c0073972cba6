import { type Diagnostic, Diagnostics } from "../framework/diagnostics.ts";
import type { Path } from "../framework/path.ts";
import type { Runtime } from "./runtime.ts";
import { failureDiagnostics } from "./wire-diagnostics.ts";

/** What a resource may use during one call, and its failures turned into diagnostics. */
export function callContext(runtime: Runtime) {
  return { diagnostics: new Diagnostics(), signal: runtime.stopSignal, log: runtime.log };
}

export function describeFailure(
  runtime: Runtime,
  error: unknown,
  doing: string,
  attributeOf: (field: string) => Path | undefined = () => undefined,
): readonly Diagnostic[] {
  const known = runtime.provider.describeFailure(error, { doing, attributeOf });
  return known ?? failureDiagnostics(error);
}
