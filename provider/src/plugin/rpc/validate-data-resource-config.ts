import type {
  ValidateDataResourceConfig_Request,
  ValidateDataResourceConfig_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { validateAttributes } from "../../framework/validate-config.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export function validateDataResourceConfig(
  runtime: Runtime,
  request: ValidateDataResourceConfig_Request,
): ValidateDataResourceConfig_Response {
  const source = runtime.dataSource(request.typeName);
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(source.schema.attributes), request.config);
  if (config !== null) {
    validateAttributes(source.schema.attributes, config, diagnostics, true);
    if (!diagnostics.hasErrors) source.validate?.(config as never, diagnostics);
  }
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
