import type {
  ValidateResourceConfig_Request,
  ValidateResourceConfig_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { validateAttributes } from "../../framework/validate-config.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export function validateResourceConfig(
  runtime: Runtime,
  request: ValidateResourceConfig_Request,
): ValidateResourceConfig_Response {
  const resource = runtime.resource(request.typeName);
  const { attributes } = resource.schema;
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(attributes), request.config);
  if (config !== null) {
    const writeOnlyAllowed = request.clientCapabilities?.writeOnlyAttributesAllowed ?? false;
    validateAttributes(attributes, config, diagnostics, writeOnlyAllowed);
    if (!diagnostics.hasErrors) resource.validate?.(config as never, diagnostics);
  }
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
