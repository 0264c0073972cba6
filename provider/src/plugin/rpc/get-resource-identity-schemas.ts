import type { GetResourceIdentitySchemas_Response } from "@netbird-proxy/proto/tfplugin6";

/** No resource has an identity beside its id yet. */
export function getResourceIdentitySchemas(): GetResourceIdentitySchemas_Response {
  return { identitySchemas: {}, diagnostics: [] };
}
