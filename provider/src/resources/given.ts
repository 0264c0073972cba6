import { isUnknown } from "../convert/value.ts";

/** True for a value that will certainly be there; one that is not known yet may turn out to be null. */
export function isGiven(value: unknown): boolean {
  return value !== null && !isUnknown(value);
}
