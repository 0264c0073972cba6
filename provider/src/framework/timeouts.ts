import { isUnknown } from "../convert/value.ts";
import { parseDurationMs } from "./duration.ts";
import { type Attribute, nested, type StateOf, text } from "./schema.ts";
import { duration } from "./validators.ts";

const timeoutAttributes = {
  create: timeout("creating"),
  update: timeout("updating"),
  delete: timeout("deleting"),
};

function timeout(doing: string): Attribute<string> {
  return text({
    description: `How long ${doing} may take, such as \`30s\` or \`5m\`.`,
    optional: true,
    validators: [duration],
  });
}

/** The attribute `timeouts`. */
export function timeouts(description: string): Attribute<StateOf<typeof timeoutAttributes>> {
  return nested(timeoutAttributes, { description, optional: true, clientOnly: true });
}

/** The configured limit, or `defaultMs`. */
export function timeoutMs(
  configured: unknown,
  name: "create" | "update" | "delete",
  defaultMs: number,
): number {
  if (configured === null || typeof configured !== "object" || isUnknown(configured)) return defaultMs;
  const value = (configured as Record<string, unknown>)[name];
  return (typeof value === "string" ? parseDurationMs(value) : undefined) ?? defaultMs;
}
