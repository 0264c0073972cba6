import type { GetFunctions_Response } from "@netbird-proxy/proto/tfplugin6";

/** OpenTofu asks for these separately; we have none. */
export function getFunctions(): GetFunctions_Response {
  return { functions: {}, diagnostics: [] };
}
