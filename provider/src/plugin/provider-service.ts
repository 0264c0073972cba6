import { once } from "node:events";
import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { type Diagnostic, ProviderService } from "@netbird-proxy/proto/tfplugin6";
import { applyResourceChange } from "./rpc/apply-resource-change.ts";
import { callFunction } from "./rpc/call-function.ts";
import { closeEphemeralResource } from "./rpc/close-ephemeral-resource.ts";
import { configureProvider } from "./rpc/configure-provider.ts";
import { getFunctions } from "./rpc/get-functions.ts";
import { getMetadata } from "./rpc/get-metadata.ts";
import { getProviderSchema } from "./rpc/get-provider-schema.ts";
import { getResourceIdentitySchemas } from "./rpc/get-resource-identity-schemas.ts";
import { importResourceState } from "./rpc/import-resource-state.ts";
import { listResource } from "./rpc/list-resource.ts";
import { moveResourceState } from "./rpc/move-resource-state.ts";
import { openEphemeralResource } from "./rpc/open-ephemeral-resource.ts";
import { planResourceChange } from "./rpc/plan-resource-change.ts";
import { readDataSource } from "./rpc/read-data-source.ts";
import { readResource } from "./rpc/read-resource.ts";
import { renewEphemeralResource } from "./rpc/renew-ephemeral-resource.ts";
import { stopProvider } from "./rpc/stop-provider.ts";
import { upgradeResourceIdentity } from "./rpc/upgrade-resource-identity.ts";
import { upgradeResourceState } from "./rpc/upgrade-resource-state.ts";
import { validateDataResourceConfig } from "./rpc/validate-data-resource-config.ts";
import { validateEphemeralResourceConfig } from "./rpc/validate-ephemeral-resource-config.ts";
import { validateListResourceConfig } from "./rpc/validate-list-resource-config.ts";
import { validateProviderConfig } from "./rpc/validate-provider-config.ts";
import { validateResourceConfig } from "./rpc/validate-resource-config.ts";
import type { Runtime } from "./runtime.ts";
import { failureDiagnostics, wireDiagnostics } from "./wire-diagnostics.ts";

/** The RPCs we answer. Anything else is UNIMPLEMENTED, which Terraform only notices when it needs it. */
const handlers = {
  getMetadata,
  getProviderSchema,
  getResourceIdentitySchemas,
  validateProviderConfig,
  validateResourceConfig,
  validateDataResourceConfig,
  upgradeResourceState,
  upgradeResourceIdentity,
  configureProvider,
  readResource,
  planResourceChange,
  applyResourceChange,
  importResourceState,
  moveResourceState,
  readDataSource,
  validateEphemeralResourceConfig,
  openEphemeralResource,
  renewEphemeralResource,
  closeEphemeralResource,
  validateListResourceConfig,
  getFunctions,
  callFunction,
  stopProvider,
} satisfies Partial<Record<keyof typeof ProviderService, unknown>>;

/** Those that answer with a stream of events. They never fail: what goes wrong is an event. */
const streams = { listResource } satisfies Partial<Record<keyof typeof ProviderService, unknown>>;

export const providerService: ServiceDefinition = ProviderService;

type Handler = (runtime: Runtime, request: unknown) => unknown;
type StreamHandler = (runtime: Runtime, request: unknown, signal: AbortSignal) => AsyncIterable<unknown>;

export function providerImplementation(runtime: Runtime) {
  const implementation: Record<string, (call: never, callback: never) => void> = {};
  for (const name of Object.keys(ProviderService)) {
    const handler = (handlers as Record<string, Handler>)[name];
    const stream = (streams as Record<string, StreamHandler>)[name];
    if (stream !== undefined) implementation[name] = streaming(runtime, stream);
    else implementation[name] = handler === undefined ? unimplemented(name) : unary(runtime, name, handler);
  }
  return implementation;
}

function unary(runtime: Runtime, rpc: string, handler: Handler) {
  return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
    const startedMs = performance.now();
    const type = (call.request as { typeName?: string }).typeName;
    runtime
      .during(async () => handler(runtime, call.request))
      .then(
        (response) => {
          const elapsedMs = Math.round(performance.now() - startedMs);
          runtime.log("trace", "answered", {
            tf_rpc: rpc,
            tf_resource_type: type,
            tf_req_duration_ms: elapsedMs,
          });
          callback(null, response);
        },
        (error: unknown) => {
          // A gRPC status would read as a crash of the provider, without a place; diagnostics are data.
          const diagnostics = wireDiagnostics(failureDiagnostics(error));
          runtime.log("error", "call failed", { tf_rpc: rpc, tf_resource_type: type, reason: String(error) });
          callback(null, emptyResponse(rpc, diagnostics));
        },
      );
  };
}

function streaming(runtime: Runtime, handler: StreamHandler) {
  return (call: ServerWritableStream<unknown, unknown>) => {
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    void runtime
      .during(async () => {
        for await (const event of handler(runtime, call.request, gone.signal)) {
          if (gone.signal.aborted) return;
          // Waiting here keeps what is not read yet out of our memory.
          if (!call.write(event)) await once(call, "drain", { signal: gone.signal });
        }
      })
      .catch((error: unknown) => {
        if (!gone.signal.aborted) runtime.log("error", "stream failed", { reason: String(error) });
      })
      .finally(() => call.end());
  };
}

function unimplemented(rpc: string) {
  return (_call: unknown, callback: sendUnaryData<unknown>) =>
    callback({ code: status.UNIMPLEMENTED, details: `${rpc} is not implemented` });
}

/** The smallest answer of an RPC that carries diagnostics. */
function emptyResponse(rpc: string, diagnostics: Diagnostic[]): unknown {
  const definition = (
    ProviderService as unknown as Record<string, { responseDeserialize(bytes: Buffer): object }>
  )[rpc]!;
  const empty = definition.responseDeserialize(Buffer.alloc(0));
  if ("diagnostics" in empty) return { ...empty, diagnostics };
  return "Error" in empty ? { Error: diagnostics.map(({ summary }) => summary).join("; ") } : empty;
}
