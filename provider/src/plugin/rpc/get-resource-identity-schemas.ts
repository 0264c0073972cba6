import type { GetResourceIdentitySchemas_Response } from "@netbird-proxy/proto/tfplugin6";
import type { Runtime } from "../runtime.ts";

/** Asked for right after the schema, by Terraform 1.12 and newer. */
export function getResourceIdentitySchemas({ provider }: Runtime): GetResourceIdentitySchemas_Response {
  const identitySchemas: GetResourceIdentitySchemas_Response["identitySchemas"] = {};
  for (const { typeName, identity, schema } of provider.resources) {
    if (identity === undefined) continue;
    identitySchemas[typeName] = {
      version: BigInt(identity.version),
      identityAttributes: identity.attributes.map((name) => ({
        name,
        type: Buffer.from(JSON.stringify(schema.attributes[name].type), "utf8"),
        requiredForImport: true,
        optionalForImport: false,
        description: schema.attributes[name].description,
      })),
    };
  }
  return { identitySchemas, diagnostics: [] };
}
