import type {
  CloseEphemeralResource_Request,
  CloseEphemeralResource_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { PrivateState } from "../../framework/private-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";

export async function closeEphemeralResource(
  runtime: Runtime,
  request: CloseEphemeralResource_Request,
): Promise<CloseEphemeralResource_Response> {
  const resource = runtime.ephemeralResource(request.typeName);
  // An interrupted Terraform closes what it opened; the interruption must not end that too.
  const context = { ...callContext(runtime), signal: new AbortController().signal };
  runtime.closed(request.typeName, request.private ?? Buffer.alloc(0));
  try {
    await resource.close?.({
      ...context,
      client: runtime.requireClient(),
      private: new PrivateState(request.private),
    });
  } catch (error) {
    for (const item of describeFailure(runtime, error, `close ephemeral ${request.typeName}`))
      context.diagnostics.add(item);
  }
  return { diagnostics: wireDiagnostics(context.diagnostics.items) };
}
