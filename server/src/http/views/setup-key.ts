import type { SetupKey } from "@netbird-proxy/proto/rest";
import { setupKeyState } from "../../domain/setup-key-state.ts";
import type { SetupKey as StoredSetupKey } from "../../store/setup-keys.ts";
import { timestamp, timestampOrNever } from "./timestamp.ts";

/** @param plain the whole key, right after it was made */
export function viewSetupKey(key: StoredSetupKey, nowMs: number, plain?: string): SetupKey {
  const state = setupKeyState(key, nowMs);
  return {
    id: key.id,
    key: plain ?? `${key.keyPreview}****`,
    name: key.name,
    expires: timestampOrNever(key.expiresAt),
    type: key.type,
    valid: state === "valid",
    revoked: key.revoked,
    used_times: key.usedTimes,
    last_used: timestampOrNever(key.lastUsed),
    state,
    auto_groups: key.autoGroups,
    updated_at: timestamp(key.updatedAt),
    usage_limit: key.usageLimit,
    ephemeral: key.ephemeral,
    allow_extra_dns_labels: key.allowExtraDnsLabels,
  };
}
