import type {
  ValidateProviderConfig_Request,
  ValidateProviderConfig_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { validateAttributes } from "../../framework/validate-config.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export function validateProviderConfig(
  { provider }: Runtime,
  request: ValidateProviderConfig_Request,
): ValidateProviderConfig_Response {
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(provider.schema.attributes), request.config);
  if (config !== null) {
    validateAttributes(provider.schema.attributes, config, diagnostics, true);
    if (!diagnostics.hasErrors) provider.validate?.(config as never, diagnostics);
  }
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
