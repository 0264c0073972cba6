import type {
  ApplyResourceChange_Request,
  ApplyResourceChange_Response,
  ResourceIdentityData,
} from "@netbird-proxy/proto/tfplugin6";
import type { CtyType } from "../../convert/cty-type.ts";
import { isUnknown, type ObjectValue } from "../../convert/value.ts";
import type { Identified } from "../../framework/identity.ts";
import { PrivateState } from "../../framework/private-state.ts";
import { type Attributes, type ToldOf, typeOf } from "../../framework/schema.ts";
import { settleApplied, settlePartial, type ToldObject } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readIdentity, writeIdentity } from "../wire-identity.ts";
import { readObject, writeObject } from "../wire-values.ts";

export async function applyResourceChange(
  runtime: Runtime,
  request: ApplyResourceChange_Request,
): Promise<ApplyResourceChange_Response> {
  runtime.applyBegins();
  const resource = runtime.resource(request.typeName);
  const { attributes } = resource.schema;
  const type = typeOf(attributes);
  const context = callContext(runtime);
  const prior = readObject(type, request.priorState);
  const plan = readObject(type, request.plannedState);
  const config = readObject(type, request.config) ?? plan;
  const privateState = new PrivateState(request.plannedPrivate);
  const doing = `${plan === null ? "delete" : prior === null ? "create" : "update"} ${request.typeName}`;

  // What is certainly in effect, whatever fails from here on.
  let state: ObjectValue | null = prior;
  const keep = (told: ToldOf<Attributes>) => {
    state = settlePartial(attributes, plan!, told as ToldObject);
  };
  try {
    const client = runtime.requireClient();
    if (plan === null) {
      if (prior !== null)
        await resource.delete({ ...context, client, state: prior as never, private: privateState });
      state = null;
    } else {
      const apply = {
        ...context,
        client,
        config: config as never,
        plan: plan as never,
        private: privateState,
        keep,
      };
      const told =
        prior === null
          ? await resource.create(apply)
          : await resource.update({ ...apply, state: prior as never });
      state = settleApplied(attributes, plan, told as ToldObject);
    }
  } catch (error) {
    const attributeOf = (field: string) =>
      plan === null ? undefined : resource.attributeOf?.(field, plan as never);
    for (const item of describeFailure(runtime, error, doing, attributeOf)) context.diagnostics.add(item);
  }
  const newState = encodable(type, state, prior, runtime, doing);
  return {
    newState: writeObject(type, newState),
    private: privateState.bytes(),
    diagnostics: wireDiagnostics(context.diagnostics.items),
    legacyTypeSystem: false,
    // A deleted object keeps the identity that it had.
    newIdentity:
      newState === null
        ? knownIdentity(resource, request.plannedIdentity)
        : writeIdentity(resource, newState),
  };
}

function knownIdentity(resource: Identified, planned: ResourceIdentityData | undefined) {
  const identity = readIdentity(resource, planned);
  // Nothing came of a creation that failed; Terraform refuses an identity that is not known.
  if (identity === undefined || Object.values(identity).some(isUnknown)) return undefined;
  return writeIdentity(resource, identity);
}

/** A state that does not fit the schema would lose the object: Terraform drops it. The prior state is better than that. */
function encodable(
  type: CtyType,
  state: ObjectValue | null,
  prior: ObjectValue | null,
  runtime: Runtime,
  doing: string,
): ObjectValue | null {
  try {
    writeObject(type, state);
    return state;
  } catch (error) {
    runtime.log("error", "the new state does not fit the schema", { doing, reason: String(error) });
    if (state === null) return prior;
    const fitting: Record<string, ObjectValue[string]> = Object.create(null);
    const attributes = (type as readonly ["object", Record<string, CtyType>])[1];
    for (const [name, attributeType] of Object.entries(attributes)) {
      try {
        writeObject(["object", { value: attributeType }], { value: state[name] ?? null });
        fitting[name] = state[name] ?? null;
      } catch {
        fitting[name] = prior?.[name] ?? null;
      }
    }
    return fitting;
  }
}
