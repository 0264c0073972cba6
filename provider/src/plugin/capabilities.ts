import type { ServerCapabilities } from "@netbird-proxy/proto/tfplugin6";

export const serverCapabilities: ServerCapabilities = {
  // Destroying is planned too, so that it can warn.
  planDestroy: true,
  // Terraform then asks for the schema once per command, not once per process.
  getProviderSchemaOptional: true,
  moveResourceState: true,
  generateResourceConfig: false,
};
