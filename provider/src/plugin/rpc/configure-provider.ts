import type { ConfigureProvider_Request, ConfigureProvider_Response } from "@netbird-proxy/proto/tfplugin6";
import { Diagnostics } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject } from "../wire-values.ts";

export async function configureProvider(
  runtime: Runtime,
  request: ConfigureProvider_Request,
): Promise<ConfigureProvider_Response> {
  const { provider, log } = runtime;
  const diagnostics = new Diagnostics();
  const config = readObject(typeOf(provider.schema.attributes), request.config) ?? {};
  const client = provider.configure(config as never, {
    terraformVersion: request.terraformVersion,
    diagnostics,
    log,
  });
  if (client !== undefined && !diagnostics.hasErrors) await runtime.configured(client);
  return { diagnostics: wireDiagnostics(diagnostics.items) };
}
