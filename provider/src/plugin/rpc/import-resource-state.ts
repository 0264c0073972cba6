import type {
  ImportResourceState_Request,
  ImportResourceState_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { importedByIdentity } from "../../framework/identity.ts";
import { typeOf } from "../../framework/schema.ts";
import { completeState, type ToldObject } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readIdentity, writeIdentity } from "../wire-identity.ts";
import { writeObject } from "../wire-values.ts";

/** Only finds the object; Terraform reads it right afterwards. */
export async function importResourceState(
  runtime: Runtime,
  request: ImportResourceState_Request,
): Promise<ImportResourceState_Response> {
  const resource = runtime.resource(request.typeName);
  const { attributes } = resource.schema;
  const context = callContext(runtime);
  try {
    // Terraform gives either; an identity is complete, so nothing has to be looked up.
    const identity = request.id === "" ? readIdentity(resource, request.identity) : undefined;
    const told =
      identity !== undefined
        ? importedByIdentity(resource, identity)
        : resource.import === undefined
          ? { id: request.id }
          : await resource.import(request.id, { ...context, client: runtime.requireClient() });
    const state = completeState(attributes, told as ToldObject);
    return {
      importedResources: [
        {
          typeName: request.typeName,
          state: writeObject(typeOf(attributes), state),
          private: Buffer.alloc(0),
          identity: writeIdentity(resource, state),
        },
      ],
      diagnostics: wireDiagnostics(context.diagnostics.items),
      deferred: undefined,
    };
  } catch (error) {
    for (const item of describeFailure(runtime, error, `import ${request.typeName}`))
      context.diagnostics.add(item);
    return {
      importedResources: [],
      diagnostics: wireDiagnostics(context.diagnostics.items),
      deferred: undefined,
    };
  }
}
