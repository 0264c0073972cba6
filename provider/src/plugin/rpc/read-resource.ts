import type { ReadResource_Request, ReadResource_Response } from "@netbird-proxy/proto/tfplugin6";
import type { ObjectValue } from "../../convert/value.ts";
import { PrivateState } from "../../framework/private-state.ts";
import { typeOf } from "../../framework/schema.ts";
import { settleRead } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { writeIdentity } from "../wire-identity.ts";
import { readObject, writeObject } from "../wire-values.ts";

export async function readResource(
  runtime: Runtime,
  request: ReadResource_Request,
): Promise<ReadResource_Response> {
  const resource = runtime.resource(request.typeName);
  const { attributes } = resource.schema;
  const type = typeOf(attributes);
  const state = readObject(type, request.currentState);
  const context = callContext(runtime);
  const privateState = new PrivateState(request.private);
  const answer = (newState: ObjectValue | null): ReadResource_Response => ({
    newState: writeObject(type, newState),
    diagnostics: wireDiagnostics(context.diagnostics.items),
    private: privateState.bytes(),
    deferred: undefined,
    newIdentity: newState === null ? request.currentIdentity : writeIdentity(resource, newState),
  });
  if (state === null) return answer(null);
  try {
    const told = await resource.read({
      ...context,
      client: runtime.requireClient(),
      state: state as never,
      private: privateState,
    });
    if (told === undefined) return answer(null);
    return answer(settleRead(attributes, state, told));
  } catch (error) {
    for (const item of describeFailure(runtime, error, `read ${request.typeName}`))
      context.diagnostics.add(item);
    // The state that Terraform has stays: only a certain "gone" may drop it.
    return answer(state);
  }
}
