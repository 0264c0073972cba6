interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  patternProperties?: Record<string, Schema>;
  anyOf?: Schema[];
}

/**
 * An answer in the form of the request that would produce it: what the request's schema does not name is left out, null
 * is left out, and objects in the place of ids (groups, peers) become their ids.
 */
export function projectOnto(schema: unknown, value: unknown): unknown {
  return project(schema as Schema, value);
}

function project(schema: Schema, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.map((item) => project(schema.items ?? {}, item));
  if (typeof value !== "object") return value;
  const object = value as Record<string, unknown>;
  if (schema.type === "string") return object.id;
  if (!schema.properties) return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(schema.properties)) {
    const projected = project(member, object[key]);
    if (projected !== undefined) result[key] = projected;
  }
  return result;
}
