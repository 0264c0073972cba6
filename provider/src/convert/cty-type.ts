/**
 * A type expression of Terraform, in exactly the shape of its JSON form:
 * `"string"`, `["list", T]`, `["object", { name: T }]`, `["tuple", [T, ...]]`.
 */
export type CtyType =
  | "string"
  | "number"
  | "bool"
  | "dynamic"
  | readonly ["list" | "set" | "map", CtyType]
  | readonly ["object", { readonly [name: string]: CtyType }]
  | readonly ["tuple", readonly CtyType[]];

/** Bytes that are no value of the type the schema asks for. `path` says where inside the value. */
export class ConversionError extends Error {
  readonly path: readonly (string | number)[];

  constructor(message: string, path: readonly (string | number)[] = []) {
    super(path.length === 0 ? message : `${path.join(".")}: ${message}`);
    this.name = "ConversionError";
    this.path = path;
  }
}

/**
 * Reads a type expression out of JSON text, as found inside a dynamic value.
 * @throws {ConversionError} for anything that is no type expression
 */
export function parseType(json: string): CtyType {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new ConversionError("the type of a dynamic value is not JSON");
  }
  return checkedType(parsed);
}

function checkedType(value: unknown): CtyType {
  if (value === "string" || value === "number" || value === "bool" || value === "dynamic") return value;
  if (Array.isArray(value)) {
    const [kind, inner] = value as [unknown, unknown];
    if (kind === "list" || kind === "set" || kind === "map") return [kind, checkedType(inner)];
    if (kind === "tuple" && Array.isArray(inner)) return ["tuple", inner.map(checkedType)];
    if (kind === "object" && typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      const attributes: Record<string, CtyType> = Object.create(null);
      for (const [name, type] of Object.entries(inner)) attributes[name] = checkedType(type);
      return ["object", attributes];
    }
  }
  throw new ConversionError(`not a type expression: ${JSON.stringify(value)}`);
}
