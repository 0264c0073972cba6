import { parseDurationMs } from "../framework/duration.ts";
import { ArgumentError, type ProviderFunction } from "../framework/provider-function.ts";

export const durationSeconds: ProviderFunction = {
  name: "duration_seconds",
  summary: "A duration in seconds.",
  description:
    "Reads a duration as `timeouts` and `request_timeout` have it, such as `1m30s`, for attributes that want seconds.",
  parameters: [{ name: "duration", type: "string", description: 'Such as "30s", "1h30m" or "500ms".' }],
  returns: "number",
  call(given) {
    const ms = parseDurationMs(given as string);
    if (ms === undefined)
      throw new ArgumentError(0, `"${String(given)}" is not a duration. Write it like "30s" or "1h30m"`);
    return ms / 1000;
  },
};
