import type {
  RenewEphemeralResource_Request,
  RenewEphemeralResource_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { PrivateState } from "../../framework/private-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { wireTime } from "../wire-time.ts";

export async function renewEphemeralResource(
  runtime: Runtime,
  request: RenewEphemeralResource_Request,
): Promise<RenewEphemeralResource_Response> {
  const resource = runtime.ephemeralResource(request.typeName);
  const context = callContext(runtime);
  const privateState = new PrivateState(request.private);
  let renewAtMs: number | undefined;
  try {
    const lease = await resource.renew?.({
      ...context,
      client: runtime.requireClient(),
      private: privateState,
    });
    renewAtMs = lease?.renewAtMs;
  } catch (error) {
    for (const item of describeFailure(runtime, error, `renew ephemeral ${request.typeName}`))
      context.diagnostics.add(item);
  }
  runtime.closed(request.typeName, request.private ?? Buffer.alloc(0));
  runtime.opened(request.typeName, privateState.bytes());
  return {
    diagnostics: wireDiagnostics(context.diagnostics.items),
    renewAt: wireTime(renewAtMs),
    private: privateState.bytes(),
  };
}
