import { type Path, pathText, pointablePath } from "./path.ts";

export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** One short line. */
  readonly summary: string;
  /** What happened, what was answered, what to do next. Lines that begin with a space are not re-wrapped. */
  readonly detail: string;
  /** Where; absent for the whole resource. */
  readonly path?: Path;
}

/** Collects what the user should be told about one call. */
export class Diagnostics {
  readonly items: Diagnostic[] = [];

  error(path: Path, summary: string, detail = ""): void {
    this.add({ severity: "error", summary, detail, path });
  }

  warning(path: Path, summary: string, detail = ""): void {
    this.add({ severity: "warning", summary, detail, path });
  }

  /** Cuts the path to what Terraform can point at, and keeps the whole of it in the detail. */
  add(diagnostic: Diagnostic): void {
    const path = diagnostic.path ?? [];
    const pointable = pointablePath(path);
    const detail =
      pointable.length === path.length
        ? diagnostic.detail
        : `Attribute: ${pathText(path)}\n\n${diagnostic.detail}`.trim();
    this.items.push({ ...diagnostic, detail, path: pointable });
  }

  /** Hands out what was collected so far, and forgets it. */
  take(): readonly Diagnostic[] {
    return this.items.splice(0);
  }

  get hasErrors(): boolean {
    return this.items.some((item) => item.severity === "error");
  }
}

/** Ends a call with one diagnostic. */
export class DiagnosticError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Omit<Diagnostic, "severity">, options?: ErrorOptions) {
    super(`${diagnostic.summary}: ${diagnostic.detail}`, options);
    this.name = "DiagnosticError";
    this.diagnostic = { severity: "error", ...diagnostic };
  }
}
