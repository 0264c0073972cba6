import { requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, text } from "../framework/schema.ts";
import { integerBetween } from "../framework/validators.ts";

// Tokens, keys and links are issued for a time, and tell their secret once.

/** The longest that anything is issued for. */
export const TEN_YEARS_SECONDS = 10 * 365 * 86_400;

const kept = { computed: true, modifiers: [useStateForUnknown()] };

/** `expiry_seconds` of what may also last for ever. */
export const expirySeconds = integer({
  description: "How long it is valid, in seconds; 0 is for ever. Defaults to 0. A change makes a new one.",
  default: 0,
  validators: [integerBetween(0, TEN_YEARS_SECONDS)],
  modifiers: [requiresReplaceIfStored()],
});

export const tokenItself = text({
  description: "The token itself. Known only when Terraform created it; an imported one has none.",
  sensitive: true,
  ...kept,
});

export const createdAt = text({ description: "When it was made, RFC 3339.", ...kept });
export const createdBy = text({ description: "Id of the user who made it.", ...kept });
export const expiresAt = text({ description: "When it ends, RFC 3339; null when never.", ...kept });

/** How long it was issued for, in seconds; 0 for ever. */
export function issuedForSeconds(found: { created_at: string; expires_at?: string }): number {
  if (found.expires_at === undefined) return 0;
  return Math.round((Date.parse(found.expires_at) - Date.parse(found.created_at)) / 1000);
}

/** The same as a member of a request, which leaves it out for ever. */
export const expiresIn = (seconds: unknown): { expires_in?: unknown } =>
  seconds === 0 ? {} : { expires_in: seconds };
