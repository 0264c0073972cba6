import type {
  OpenEphemeralResource_Request,
  OpenEphemeralResource_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { PrivateState } from "../../framework/private-state.ts";
import { typeOf } from "../../framework/schema.ts";
import { settleRead, type ToldObject } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { wireTime } from "../wire-time.ts";
import { readObject, writeObject } from "../wire-values.ts";

export async function openEphemeralResource(
  runtime: Runtime,
  request: OpenEphemeralResource_Request,
): Promise<OpenEphemeralResource_Response> {
  const resource = runtime.ephemeralResource(request.typeName);
  const { attributes } = resource.schema;
  const type = typeOf(attributes);
  const context = callContext(runtime);
  const config = readObject(type, request.config) ?? {};
  const privateState = new PrivateState();
  try {
    const { told, renewAtMs } = await resource.open({
      ...context,
      client: runtime.requireClient(),
      config: config as never,
      private: privateState,
    });
    runtime.opened(request.typeName, privateState.bytes());
    return {
      diagnostics: wireDiagnostics(context.diagnostics.items),
      renewAt: wireTime(renewAtMs),
      result: writeObject(type, settleRead(attributes, config, told as ToldObject)),
      private: privateState.bytes(),
      deferred: undefined,
    };
  } catch (error) {
    const attributeOf = (field: string) => (Object.hasOwn(attributes, field) ? [field] : undefined);
    for (const item of describeFailure(runtime, error, `open ephemeral ${request.typeName}`, attributeOf))
      context.diagnostics.add(item);
    return {
      diagnostics: wireDiagnostics(context.diagnostics.items),
      renewAt: undefined,
      result: writeObject(type, null),
      private: undefined,
      deferred: undefined,
    };
  }
}
