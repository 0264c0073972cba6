import { ConversionError, type CtyType, parseType } from "./cty-type.ts";
import { type LosslessJson, parseLosslessJson } from "./lossless-json.ts";
import { parseNumber } from "./number-text.ts";
import { Decimal, Dynamic, objectOf, type Value } from "./value.ts";

type Where = readonly (string | number)[];

/**
 * Reads a value out of JSON text, as in state files. Attributes that the type lacks are dropped and missing ones are
 * null, so that a state written by another version of the schema can still be read.
 * @throws {ConversionError} naming the place, when a value has the wrong type
 */
export function decodeJson(type: CtyType, text: string): Value {
  return fromJson(type, parseLosslessJson(text));
}

/** The same, from JSON that is parsed already. */
export function fromJson(type: CtyType, json: LosslessJson, at: Where = []): Value {
  if (json === null) return null;
  if (type === "string") {
    if (typeof json === "string") return json;
    // Terraform converts primitives between versions of a schema; so do we.
    if (typeof json === "boolean") return String(json);
    if (json instanceof Decimal) return json.text;
  } else if (type === "bool") {
    if (typeof json === "boolean") return json;
    if (json === "true" || json === "false") return json === "true";
  } else if (type === "number") {
    const text = json instanceof Decimal ? json.text : typeof json === "string" ? json : undefined;
    const number = text === undefined ? undefined : parseNumber(text);
    if (number instanceof Decimal) {
      // A float64 is enough when its shortest text is the same number.
      const float = Number(number.text);
      return String(float) === number.text ? float : number;
    }
    if (number !== undefined) return number;
  } else if (type === "dynamic") {
    if (json instanceof Map && json.has("type")) {
      const inner = parseType(JSON.stringify(plain(json.get("type")!)));
      return new Dynamic(inner, fromJson(inner, json.get("value") ?? null, at));
    }
  } else {
    switch (type[0]) {
      case "list":
      case "set":
        if (Array.isArray(json))
          return json.map((element, index) => fromJson(type[1], element, [...at, index]));
        break;
      case "tuple":
        if (Array.isArray(json) && json.length === type[1].length)
          return json.map((element, index) => fromJson(type[1][index]!, element, [...at, index]));
        break;
      case "map":
        if (json instanceof Map) {
          const map = new Map<string, Value>();
          for (const [key, element] of json as ReadonlyMap<string, LosslessJson>)
            map.set(key, fromJson(type[1], element, [...at, key]));
          return map;
        }
        break;
      case "object":
        if (json instanceof Map) {
          const object = json as ReadonlyMap<string, LosslessJson>;
          return objectOf(
            Object.entries(type[1]).map(([name, attribute]) => [
              name,
              fromJson(attribute, object.get(name) ?? null, [...at, name]),
            ]),
          );
        }
        break;
    }
  }
  throw new ConversionError(`not a ${typeof type === "string" ? type : type[0]}`, at);
}

function plain(json: LosslessJson): unknown {
  if (json instanceof Map) return Object.fromEntries([...json].map(([key, value]) => [key, plain(value)]));
  if (Array.isArray(json)) return json.map(plain);
  return json;
}
