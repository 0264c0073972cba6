import type {
  ValidateListResourceConfig_Request,
  ValidateListResourceConfig_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { validateAttributes } from "../../framework/validate-config.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export function validateListResourceConfig(
  runtime: Runtime,
  request: ValidateListResourceConfig_Request,
): ValidateListResourceConfig_Response {
  const list = runtime.listResource(request.typeName);
  const { attributes } = list.schema;
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(attributes), request.config);
  if (config !== null) {
    validateAttributes(attributes, config, diagnostics, true);
    if (!diagnostics.hasErrors) list.validate?.(config as never, diagnostics);
  }
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
