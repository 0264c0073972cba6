import { ConversionError, type CtyType } from "./cty-type.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import {
  Decimal,
  Dynamic,
  isObject,
  type NumberValue,
  type ObjectValue,
  Unknown,
  type Value,
} from "./value.ts";

type Where = readonly (string | number)[];

const UNKNOWN_PAYLOAD = Uint8Array.of(0);
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/**
 * Writes one value of the given type. An attribute that the object lacks is written as null: Terraform wants every one.
 * @throws {ConversionError} naming the place, when the value is not of that type
 */
export function encodeMsgpack(type: CtyType, value: Value): Buffer {
  const writer = new MsgpackWriter();
  writeValue(writer, type, value, []);
  return writer.finish();
}

function writeValue(writer: MsgpackWriter, type: CtyType, value: Value | undefined, at: Where): void {
  if (value === null || value === undefined) writer.nil();
  else if (value instanceof Unknown) writeUnknown(writer, value);
  else if (!writeKnown(writer, type, value, at))
    throw new ConversionError(`not a ${typeof type === "string" ? type : type[0]}`, at);
}

function writeUnknown(writer: MsgpackWriter, { refinement }: Unknown): void {
  if (refinement === undefined) writer.ext(0, UNKNOWN_PAYLOAD);
  else writer.ext(12, refinement);
}

/** @returns false when the value is not of the type */
function writeKnown(writer: MsgpackWriter, type: CtyType, value: Value, at: Where): boolean {
  switch (type) {
    case "string":
      if (typeof value !== "string") return false;
      // Terraform compares in NFC; sending another form would come back changed.
      writer.str(value.normalize("NFC"));
      return true;
    case "bool":
      if (typeof value !== "boolean") return false;
      writer.bool(value);
      return true;
    case "number":
      if (typeof value !== "number" && typeof value !== "bigint" && !(value instanceof Decimal)) return false;
      writeNumber(writer, value, at);
      return true;
    case "dynamic":
      if (!(value instanceof Dynamic)) return false;
      writer.array(2);
      writer.bin(Buffer.from(JSON.stringify(value.type), "utf8"));
      writeValue(writer, value.type, value.value, at);
      return true;
  }
  switch (type[0]) {
    case "list":
    case "set":
    case "tuple": {
      if (!Array.isArray(value)) return false;
      if (type[0] === "tuple" && value.length !== type[1].length) return false;
      writer.array(value.length);
      for (const [index, element] of (value as readonly Value[]).entries())
        writeValue(writer, type[0] === "tuple" ? type[1][index]! : type[1], element, [...at, index]);
      return true;
    }
    case "map":
      if (!(value instanceof Map)) return false;
      writer.map(value.size);
      for (const [key, element] of value as ReadonlyMap<string, Value>) {
        writer.str(key.normalize("NFC"));
        writeValue(writer, type[1], element, [...at, key]);
      }
      return true;
    case "object":
      if (!isObject(value)) return false;
      writeObject(writer, type[1], value, at);
      return true;
  }
}

function writeObject(
  writer: MsgpackWriter,
  attributes: { readonly [name: string]: CtyType },
  value: ObjectValue,
  at: Where,
): void {
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(attributes, name)) throw new ConversionError(`there is no attribute "${name}"`, at);
  }
  const names = Object.keys(attributes).sort();
  writer.map(names.length);
  for (const name of names) {
    writer.str(name);
    writeValue(writer, attributes[name]!, value[name], [...at, name]);
  }
}

function writeNumber(writer: MsgpackWriter, value: NumberValue, at: Where): void {
  if (value instanceof Decimal) writer.str(value.text);
  else if (typeof value === "bigint") {
    if (value >= MIN_INT64 && value <= MAX_INT64) writer.int(value);
    else writer.str(value.toString());
  } else if (!Number.isFinite(value)) throw new ConversionError("a finite number is needed", at);
  else if (Number.isSafeInteger(value)) writer.int(BigInt(value));
  // An unsafe integer in a float64 is exact; Terraform reads floats exactly too.
  else writer.float(value);
}
