import type { MoveResourceState_Request, MoveResourceState_Response } from "@netbird-proxy/proto/tfplugin6";
import { fromJson } from "../../convert/decode-json.ts";
import { parseLosslessJson } from "../../convert/lossless-json.ts";
import { DiagnosticError } from "../../framework/diagnostics.ts";
import { typeOf } from "../../framework/schema.ts";
import { completeState } from "../../framework/settle-state.ts";
import type { Runtime } from "../runtime.ts";
import { writeIdentity } from "../wire-identity.ts";
import { writeObject } from "../wire-values.ts";

/**
 * Moves an object of another type into one of ours. Only the id is taken over: the read that follows fills the rest,
 * which no source schema can get wrong.
 */
export function moveResourceState(
  runtime: Runtime,
  request: MoveResourceState_Request,
): MoveResourceState_Response {
  const resource = runtime.resource(request.targetTypeName);
  if (!resource.movesFrom?.includes(request.sourceTypeName))
    throw new DiagnosticError({
      summary: `Cannot move ${request.sourceTypeName} to ${request.targetTypeName}`,
      detail: `Objects of this type can be moved from: ${(resource.movesFrom ?? []).join(", ") || "nothing"}.`,
    });
  const stored = parseLosslessJson(Buffer.from(request.sourceState?.json ?? []).toString("utf8"));
  const { id } = fromJson(["object", { id: "string" }], stored) as { id: string | null };
  const state = completeState(resource.schema.attributes, { id });
  return {
    targetState: writeObject(typeOf(resource.schema.attributes), state),
    diagnostics: [],
    targetPrivate: Buffer.alloc(0),
    targetIdentity: writeIdentity(resource, state),
  };
}
