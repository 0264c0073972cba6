import type { GetProviderSchema_Response, Schema } from "@netbird-proxy/proto/tfplugin6";
import { serverCapabilities } from "../capabilities.ts";
import type { Runtime } from "../runtime.ts";
import { wireFunctions } from "../wire-function.ts";
import { wireSchema } from "../wire-schema.ts";

export function getProviderSchema(runtime: Runtime): GetProviderSchema_Response {
  const { provider } = runtime;
  const resourceSchemas: Record<string, Schema> = {};
  for (const { typeName, schema } of provider.resources) resourceSchemas[typeName] = wireSchema(schema);
  const dataSourceSchemas: Record<string, Schema> = {};
  for (const { typeName, schema } of provider.dataSources) dataSourceSchemas[typeName] = wireSchema(schema);
  const ephemeralResourceSchemas: Record<string, Schema> = {};
  for (const { typeName, schema } of provider.ephemeralResources ?? [])
    ephemeralResourceSchemas[typeName] = wireSchema(schema);
  const listResourceSchemas: Record<string, Schema> = {};
  for (const { typeName, schema } of provider.listResources ?? [])
    listResourceSchemas[typeName] = wireSchema(schema);
  return {
    provider: wireSchema(provider.schema),
    resourceSchemas,
    dataSourceSchemas,
    diagnostics: [],
    providerMeta: undefined,
    serverCapabilities,
    functions: wireFunctions(provider.functions ?? []),
    ephemeralResourceSchemas,
    listResourceSchemas,
  };
}
