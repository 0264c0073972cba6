import { NEVER } from "@netbird-proxy/proto/rest";

export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** For fields that are always there. */
export function timestampOrNever(ms: number | null): string {
  return ms === null ? NEVER : timestamp(ms);
}
