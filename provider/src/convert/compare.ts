import type { CtyType } from "./cty-type.ts";
import { canonicalNumber } from "./number-text.ts";
import { Decimal, Dynamic, isObject, type ObjectValue, Unknown, type Value } from "./value.ts";

/** Equality as Terraform sees it: sets without order, numbers by value, an unknown equal only to an unknown. */
export function equalValues(type: CtyType, a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b;
  if (a instanceof Unknown || b instanceof Unknown) return a instanceof Unknown && b instanceof Unknown;
  if (type === "string" || type === "bool") return a === b;
  return canonicalText(type, a) === canonicalText(type, b);
}

/** One text per value, whatever the order of sets and maps or the spelling of numbers. */
export function canonicalText(type: CtyType, value: Value): string {
  if (value === null || value === undefined) return "null";
  if (value instanceof Unknown) return "?";
  if (type === "string") return JSON.stringify(String(value).normalize("NFC"));
  if (type === "bool") return String(value);
  if (type === "number") {
    return typeof value === "number" || typeof value === "bigint" || value instanceof Decimal
      ? canonicalNumber(value)
      : String(value);
  }
  if (type === "dynamic") {
    return value instanceof Dynamic
      ? `<${JSON.stringify(value.type)} ${canonicalText(value.type, value.value)}>`
      : String(value);
  }
  switch (type[0]) {
    case "list":
      return `[${(value as readonly Value[]).map((element) => canonicalText(type[1], element)).join()}]`;
    case "set": {
      const elements = (value as readonly Value[]).map((element) => canonicalText(type[1], element));
      return `{${[...new Set(elements)].sort().join()}}`;
    }
    case "tuple":
      return `[${(value as readonly Value[]).map((element, index) => canonicalText(type[1][index]!, element)).join()}]`;
    case "map": {
      const entries = [...(value as ReadonlyMap<string, Value>)]
        .map(([key, element]) => `${JSON.stringify(key.normalize("NFC"))}:${canonicalText(type[1], element)}`)
        .sort();
      return `{${entries.join()}}`;
    }
    case "object": {
      if (!isObject(value)) return String(value);
      const object: ObjectValue = value;
      const entries = Object.keys(type[1])
        .sort()
        .map((name) => `${name}:${canonicalText(type[1][name]!, object[name] ?? null)}`);
      return `{${entries.join()}}`;
    }
  }
}
