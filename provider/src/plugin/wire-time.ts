import type { OpenEphemeralResource_Response } from "@netbird-proxy/proto/tfplugin6";

/** @param ms since 1970; undefined stays undefined */
export function wireTime(ms: number | undefined): OpenEphemeralResource_Response["renewAt"] {
  if (ms === undefined) return undefined;
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round(ms - seconds * 1000) * 1_000_000 };
}
