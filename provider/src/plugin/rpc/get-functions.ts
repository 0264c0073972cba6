import type { GetFunctions_Response } from "@netbird-proxy/proto/tfplugin6";
import type { Runtime } from "../runtime.ts";
import { wireFunctions } from "../wire-function.ts";

/** Asked by OpenTofu; Terraform takes them from the schema. */
export function getFunctions({ provider }: Runtime): GetFunctions_Response {
  return { functions: wireFunctions(provider.functions ?? []), diagnostics: [] };
}
