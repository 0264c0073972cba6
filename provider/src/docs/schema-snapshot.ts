import { readEnvironment } from "../config.ts";
import { schemasJson } from "../framework/schema-json.ts";
import { netbirdProvider, providerAddress } from "../netbird-provider.ts";

/** Beside the pages. */
export const SNAPSHOT = "schema.json";

/**
 * What `terraform providers schema -json` prints, without the words: every change of it is a change of the contract
 * with those who use the provider, and shows as such in a review.
 */
export function schemaSnapshot(): string {
  const schemas = schemasJson(netbirdProvider(readEnvironment({})), providerAddress);
  return `${JSON.stringify(withoutWords(schemas), null, 1)}\n`;
}

/** A description is text; an attribute of that name is an object. */
function withoutWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutWords);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, inner]) => !(name.startsWith("description") && typeof inner === "string"))
      .map(([name, inner]) => [name, withoutWords(inner)]),
  );
}
