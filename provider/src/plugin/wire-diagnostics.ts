import type { AttributePath, Diagnostic as WireDiagnostic } from "@netbird-proxy/proto/tfplugin6";
import { ConversionError } from "../convert/cty-type.ts";
import { type Diagnostic, DiagnosticError, Diagnostics } from "../framework/diagnostics.ts";
import type { Path } from "../framework/path.ts";

// Severity 0 would be shown as plain text while the command succeeds.
const SEVERITY = { error: 1, warning: 2 } as const;

export function wireDiagnostics(items: readonly Diagnostic[]): WireDiagnostic[] {
  return items.map((item) => ({
    severity: SEVERITY[item.severity],
    summary: item.summary,
    detail: item.detail,
    attribute: item.path === undefined || item.path.length === 0 ? undefined : wirePath(item.path),
  }));
}

export function wirePath(path: Path): AttributePath {
  return {
    steps: path.map((step) => {
      if (typeof step === "string") return { selector: { $case: "attributeName", value: step } };
      if (typeof step === "number") return { selector: { $case: "elementKeyInt", value: BigInt(step) } };
      return { selector: { $case: "elementKeyString", value: step.key } };
    }),
  };
}

/** Any failure as diagnostics: ours as they are, others with what they say. */
export function failureDiagnostics(error: unknown): Diagnostic[] {
  if (error instanceof DiagnosticError) {
    const cut = new Diagnostics();
    cut.add(error.diagnostic);
    return cut.items;
  }
  if (error instanceof ConversionError) {
    return [
      {
        severity: "error",
        summary: "A value could not be converted",
        detail: `${error.message}\n\nThis is a defect of the provider, or of a state that was edited by hand.`,
      },
    ];
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    {
      severity: "error",
      summary: "Unexpected failure inside the provider",
      detail: `This is a defect of the provider; please report it.\n\n ${detail.replaceAll("\n", "\n ")}`,
    },
  ];
}
