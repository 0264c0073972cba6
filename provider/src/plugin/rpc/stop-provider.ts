import type { StopProvider_Response } from "@netbird-proxy/proto/tfplugin6";
import type { Runtime } from "../runtime.ts";

/** The user interrupted Terraform: calls in flight end with what they know, and we keep serving. */
export function stopProvider(runtime: Runtime): StopProvider_Response {
  runtime.stop();
  return { Error: "" };
}
