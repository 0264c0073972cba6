import type {
  UpgradeResourceState_Request,
  UpgradeResourceState_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { fromJson } from "../../convert/decode-json.ts";
import { type LosslessJson, parseLosslessJson } from "../../convert/lossless-json.ts";
import type { ObjectValue } from "../../convert/value.ts";
import { DiagnosticError } from "../../framework/diagnostics.ts";
import type { Resource } from "../../framework/resource.ts";
import { type Attributes, typeOf } from "../../framework/schema.ts";
import type { Runtime } from "../runtime.ts";
import { writeObject } from "../wire-values.ts";

/** Asked for every stored object in every walk, also when its version is the current one. */
export function upgradeResourceState(
  runtime: Runtime,
  request: UpgradeResourceState_Request,
): UpgradeResourceState_Response {
  const resource = runtime.resource(request.typeName);
  const state = upgradeStored(resource, request.version, request.rawState?.json ?? Buffer.alloc(0));
  if (state !== null && runtime.client !== undefined) resource.seen?.(state as never, runtime.client);
  return { upgradedState: writeObject(typeOf(resource.schema.attributes), state), diagnostics: [] };
}

/** Stored JSON of some version as attributes of the current schema. Keys the schema lacks are dropped. */
export function upgradeStored(
  resource: Resource<Attributes, unknown>,
  fromVersion: bigint,
  json: Uint8Array,
): ObjectValue | null {
  if (json.length === 0)
    throw new DiagnosticError({
      summary: "The stored state is too old",
      detail: "It was written by Terraform before 0.12. Import the object anew.",
    });
  let stored = parseLosslessJson(Buffer.from(json).toString("utf8"));
  for (let version = Number(fromVersion); version < resource.schema.version; version += 1) {
    const upgrade = resource.upgrades?.[version];
    if (upgrade !== undefined && stored instanceof Map)
      stored = upgrade(new Map<string, LosslessJson>(stored));
  }
  return fromJson(typeOf(resource.schema.attributes), stored) as ObjectValue | null;
}
