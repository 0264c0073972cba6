import type {
  UpgradeResourceIdentity_Request,
  UpgradeResourceIdentity_Response,
} from "@netbird-proxy/proto/tfplugin6";
import { fromJson } from "../../convert/decode-json.ts";
import { type LosslessJson, parseLosslessJson } from "../../convert/lossless-json.ts";
import type { ObjectValue } from "../../convert/value.ts";
import { DiagnosticError } from "../../framework/diagnostics.ts";
import { type Identified, identityType } from "../../framework/identity.ts";
import type { Runtime } from "../runtime.ts";
import { writeIdentity } from "../wire-identity.ts";

/** Asked for every stored identity, also when its version is the current one. */
export function upgradeResourceIdentity(
  runtime: Runtime,
  request: UpgradeResourceIdentity_Request,
): UpgradeResourceIdentity_Response {
  const resource = runtime.resource(request.typeName);
  const identity = upgradeStoredIdentity(
    resource,
    request.version,
    request.rawIdentity?.json ?? Buffer.alloc(0),
  );
  return { upgradedIdentity: writeIdentity(resource, identity), diagnostics: [] };
}

/**
 * A stored identity of some version as the current one. Keys that it lost are dropped.
 *
 * @throws {DiagnosticError} when a part of it is missing: an object is not found by half of its identity
 */
export function upgradeStoredIdentity(
  resource: Identified,
  fromVersion: bigint,
  json: Uint8Array,
): ObjectValue {
  const { identity, typeName } = resource;
  const type = identityType(resource);
  if (identity === undefined || type === undefined)
    throw new DiagnosticError({
      summary: `${typeName} has no identity`,
      detail: "The state holds one, which a newer version of the provider wrote. Use that version.",
    });
  let stored = json.length === 0 ? null : parseLosslessJson(Buffer.from(json).toString("utf8"));
  for (let version = Number(fromVersion); version < identity.version; version += 1) {
    const upgrade = identity.upgrades?.[version];
    if (upgrade !== undefined && stored instanceof Map)
      stored = upgrade(new Map<string, LosslessJson>(stored));
  }
  const upgraded = fromJson(type, stored) as ObjectValue | null;
  const missing = identity.attributes.filter((name) => (upgraded?.[name] ?? null) === null);
  if (upgraded === null || missing.length > 0)
    throw new DiagnosticError({
      summary: "The stored identity is incomplete",
      detail: `${missing.map((name) => `\`${name}\``).join(" and ")} of ${typeName} ${missing.length === 1 ? "is" : "are"} missing in it. Remove the object from the state and import it anew.`,
    });
  return upgraded;
}
