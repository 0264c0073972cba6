import type { GetMetadata_Response } from "@netbird-proxy/proto/tfplugin6";
import { serverCapabilities } from "../capabilities.ts";
import type { Runtime } from "../runtime.ts";

export function getMetadata({ provider }: Runtime): GetMetadata_Response {
  return {
    serverCapabilities,
    diagnostics: [],
    dataSources: provider.dataSources.map(({ typeName }) => ({ typeName })),
    resources: provider.resources.map(({ typeName }) => ({ typeName })),
    functions: (provider.functions ?? []).map(({ name }) => ({ name })),
    ephemeralResources: (provider.ephemeralResources ?? []).map(({ typeName }) => ({ typeName })),
    listResources: (provider.listResources ?? []).map(({ typeName }) => ({ typeName })),
  };
}
