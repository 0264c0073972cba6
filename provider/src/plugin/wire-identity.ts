import type { ResourceIdentityData } from "@netbird-proxy/proto/tfplugin6";
import type { ObjectValue } from "../convert/value.ts";
import { type Identified, identityOf, identityType } from "../framework/identity.ts";
import { readObject, writeObject } from "./wire-values.ts";

/** @returns undefined for a resource without an identity, and for an envelope that is absent, empty or null */
export function readIdentity(
  resource: Identified,
  data: ResourceIdentityData | undefined,
): ObjectValue | undefined {
  const type = identityType(resource);
  if (type === undefined) return undefined;
  return readObject(type, data?.identityData) ?? undefined;
}

/** The identity of an object with these attributes; undefined when it has none. */
export function writeIdentity(resource: Identified, state: ObjectValue): ResourceIdentityData | undefined {
  const identity = identityOf(resource, state);
  return identity === undefined
    ? undefined
    : { identityData: writeObject(identityType(resource)!, identity) };
}
