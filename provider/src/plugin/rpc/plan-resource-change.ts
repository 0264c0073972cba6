import type { PlanResourceChange_Request, PlanResourceChange_Response } from "@netbird-proxy/proto/tfplugin6";
import type { ObjectValue } from "../../convert/value.ts";
import type { Path } from "../../framework/path.ts";
import { planAttributes } from "../../framework/plan-resource.ts";
import { PrivateState } from "../../framework/private-state.ts";
import { typeOf } from "../../framework/schema.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics, wirePath } from "../wire-diagnostics.ts";
import { writeIdentity } from "../wire-identity.ts";
import { readObject, writeObject } from "../wire-values.ts";

export async function planResourceChange(
  runtime: Runtime,
  request: PlanResourceChange_Request,
): Promise<PlanResourceChange_Response> {
  const resource = runtime.resource(request.typeName);
  const { attributes } = resource.schema;
  const type = typeOf(attributes);
  const context = callContext(runtime);
  const privateState = new PrivateState(request.priorPrivate);
  const prior = readObject(type, request.priorState);
  const proposed = readObject(type, request.proposedNewState);
  const answer = (planned: ObjectValue | null, requiresReplace: Path[]): PlanResourceChange_Response => ({
    plannedState: writeObject(type, planned),
    requiresReplace: requiresReplace.map(wirePath),
    plannedPrivate: privateState.bytes(),
    diagnostics: wireDiagnostics(context.diagnostics.items),
    legacyTypeSystem: false,
    deferred: undefined,
    // What is destroyed keeps its identity; what is created gets one that is not known yet.
    plannedIdentity: planned === null ? request.priorIdentity : writeIdentity(resource, planned),
  });

  if (proposed === null) {
    if (prior !== null)
      await resource.planDestroy?.({ ...context, client: runtime.client, state: prior as never });
    return answer(null, []);
  }

  const config = readObject(type, request.config) ?? proposed;
  const planned = planAttributes(attributes, prior, proposed, config);
  try {
    await resource.plan?.({
      ...context,
      client: runtime.client,
      config: config as never,
      state: prior as never,
      plan: planned.plan as never,
      changed: planned.changed,
      applying: runtime.applying,
      requiresReplace: planned.requiresReplace,
      private: privateState,
    });
  } catch (error) {
    const attributeOf = (field: string) => resource.attributeOf?.(field, planned.plan as never);
    for (const item of describeFailure(runtime, error, `plan ${request.typeName}`, attributeOf))
      context.diagnostics.add(item);
  }
  return answer(planned.plan, planned.requiresReplace);
}
