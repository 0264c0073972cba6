import type { ListResource_Event, ListResource_Request } from "@netbird-proxy/proto/tfplugin6";
import type { ObjectValue } from "../../convert/value.ts";
import { PrivateState } from "../../framework/private-state.ts";
import { typeOf } from "../../framework/schema.ts";
import { completeState, settleRead } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { writeIdentity } from "../wire-identity.ts";
import { readObject, writeObject } from "../wire-values.ts";

/**
 * One event per object that exists, until `limit` of them (0: all). An event with an error is the last one.
 *
 * @param gone aborted when nobody reads any more
 */
export async function* listResource(
  runtime: Runtime,
  request: ListResource_Request,
  gone: AbortSignal,
): AsyncGenerator<ListResource_Event> {
  const context = callContext(runtime);
  const signal = AbortSignal.any([context.signal, gone]);
  try {
    const list = runtime.listResource(request.typeName);
    const resource = runtime.resource(request.typeName);
    const { attributes } = resource.schema;
    const client = runtime.requireClient();
    const call = { ...context, signal, client };
    const configured = readObject(typeOf(list.schema.attributes), request.config);
    const config = configured ?? completeState(list.schema.attributes, {});
    const limit = request.limit > 0n ? Number(request.limit) : Number.POSITIVE_INFINITY;
    let count = 0;
    for await (const { identity, displayName } of list.list({ ...call, config: config as never })) {
      let object: ObjectValue | undefined;
      if (request.includeResourceObject) {
        const imported = completeState(attributes, identity);
        const told = await resource.read({ ...call, state: imported as never, private: new PrivateState() });
        // Deleted while we were looking.
        if (told === undefined) continue;
        object = settleRead(attributes, imported, told);
      }
      yield {
        identity: writeIdentity(resource, identity),
        displayName,
        resourceObject: object === undefined ? undefined : writeObject(typeOf(attributes), object),
        diagnostic: wireDiagnostics(context.diagnostics.take()),
      };
      count += 1;
      if (count >= limit) return;
    }
  } catch (error) {
    if (gone.aborted) return;
    for (const item of describeFailure(runtime, error, `list ${request.typeName}`))
      context.diagnostics.add(item);
  }
  const rest = context.diagnostics.take();
  if (rest.length === 0) return;
  yield {
    identity: undefined,
    displayName: "",
    resourceObject: undefined,
    diagnostic: wireDiagnostics(rest),
  };
}
