import type {
  ValidateEphemeralResourceConfig_Request,
  ValidateEphemeralResourceConfig_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { validateAttributes } from "../../framework/validate-config.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export function validateEphemeralResourceConfig(
  runtime: Runtime,
  request: ValidateEphemeralResourceConfig_Request,
): ValidateEphemeralResourceConfig_Response {
  const { schema, validate } = runtime.ephemeralResource(request.typeName);
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(schema.attributes), request.config);
  if (config !== null) {
    validateAttributes(schema.attributes, config, diagnostics, true);
    if (!diagnostics.hasErrors) validate?.(config as never, diagnostics);
  }
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
