import { ConversionError, type CtyType, parseType } from "./cty-type.ts";
import { MsgpackReader, type Token } from "./msgpack-reader.ts";
import { isSafe, parseNumber } from "./number-text.ts";
import { Dynamic, objectOf, Unknown, unknown, type Value } from "./value.ts";

type Where = readonly (string | number)[];

/** The largest refinement Terraform itself accepts. */
const MAX_REFINEMENT_BYTES = 1024;

/**
 * Reads one value of the given type.
 * @throws {ConversionError} naming the place, when the bytes are no such value or go on after it
 */
export function decodeMsgpack(type: CtyType, bytes: Uint8Array): Value {
  const reader = new MsgpackReader(bytes);
  const value = readValue(reader, type, []);
  if (!reader.atEnd) throw new ConversionError("bytes follow the value");
  return value;
}

function readValue(reader: MsgpackReader, type: CtyType, at: Where): Value {
  const token = reader.next();
  if (token.kind === "nil") return null;
  // Any extension is an unknown value; only refinements have a payload worth keeping.
  if (token.kind === "ext") return readUnknown(token, at);
  if (type === "string") {
    if (token.kind === "str") return token.value;
  } else if (type === "bool") {
    if (token.kind === "bool") return token.value;
  } else if (type === "number") {
    return readNumber(token, at);
  } else if (type === "dynamic") {
    return readDynamic(reader, token, at);
  } else {
    switch (type[0]) {
      case "list":
      case "set":
        if (token.kind === "array") {
          return Array.from({ length: token.length }, (_, index) =>
            readValue(reader, type[1], [...at, index]),
          );
        }
        break;
      case "tuple":
        if (token.kind === "array") {
          if (token.length !== type[1].length)
            throw new ConversionError(`${type[1].length} elements are needed, ${token.length} were sent`, at);
          return type[1].map((element, index) => readValue(reader, element, [...at, index]));
        }
        break;
      case "map":
        if (token.kind === "map") return readMap(reader, token.length, type[1], at);
        break;
      case "object":
        if (token.kind === "map") return readObject(reader, token.length, type[1], at);
        break;
    }
  }
  throw new ConversionError(
    `a ${typeof type === "string" ? type : type[0]} is needed, ${token.kind} was sent`,
    at,
  );
}

function readUnknown(token: Token & { kind: "ext" }, at: Where): Value {
  if (token.payload.length <= 1) return unknown;
  if (token.type !== 12) throw new ConversionError(`extension ${token.type} is not a refinement`, at);
  if (token.payload.length > MAX_REFINEMENT_BYTES)
    throw new ConversionError("the refinement is too large", at);
  return new Unknown(token.payload);
}

function readNumber(token: Token, at: Where): Value {
  if (token.kind === "int") return isSafe(token.value) ? Number(token.value) : token.value;
  if (token.kind === "float") {
    if (!Number.isFinite(token.value)) throw new ConversionError("a finite number is needed", at);
    // A whole float beyond 2^53 is exact as an integer, and only as one.
    return Number.isInteger(token.value) && !Number.isSafeInteger(token.value)
      ? BigInt(token.value)
      : token.value;
  }
  if (token.kind === "str") {
    const number = parseNumber(token.value);
    if (number !== undefined) return number;
  }
  throw new ConversionError(`a number is needed, ${token.kind} was sent`, at);
}

function readDynamic(reader: MsgpackReader, token: Token, at: Where): Value {
  if (token.kind !== "array" || token.length !== 2)
    throw new ConversionError("a dynamic value is a pair of type and value", at);
  const typeToken = reader.next();
  if (typeToken.kind !== "bin" && typeToken.kind !== "str")
    throw new ConversionError("the type of a dynamic value is JSON text", at);
  const text = typeToken.kind === "str" ? typeToken.value : Buffer.from(typeToken.value).toString("utf8");
  const type = parseType(text);
  return new Dynamic(type, readValue(reader, type, at));
}

function readMap(reader: MsgpackReader, length: number, element: CtyType, at: Where): Value {
  const map = new Map<string, Value>();
  for (let index = 0; index < length; index += 1) {
    const key = readKey(reader, at);
    map.set(key, readValue(reader, element, [...at, key]));
  }
  return map;
}

function readObject(
  reader: MsgpackReader,
  length: number,
  attributes: { readonly [name: string]: CtyType },
  at: Where,
): Value {
  const entries: [string, Value][] = [];
  for (let index = 0; index < length; index += 1) {
    const name = readKey(reader, at);
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (type === undefined) throw new ConversionError(`there is no attribute "${name}"`, at);
    entries.push([name, readValue(reader, type, [...at, name])]);
  }
  const object = objectOf(entries);
  for (const name of Object.keys(attributes)) {
    if (!(name in object)) throw new ConversionError(`the attribute "${name}" is missing`, at);
  }
  return object;
}

function readKey(reader: MsgpackReader, at: Where): string {
  const token = reader.next();
  if (token.kind !== "str") throw new ConversionError(`a key must be text, ${token.kind} was sent`, at);
  return token.value;
}
