import type { DynamicValue } from "@netbird-proxy/proto/tfplugin6";
import type { CtyType } from "../convert/cty-type.ts";
import { decodeJson } from "../convert/decode-json.ts";
import { decodeMsgpack } from "../convert/decode-msgpack.ts";
import { encodeMsgpack } from "../convert/encode-msgpack.ts";
import type { ObjectValue, Value } from "../convert/value.ts";

/** Reads an object, or null; an absent or empty envelope is null too. */
export function readObject(type: CtyType, value: DynamicValue | undefined): ObjectValue | null {
  return readValue(type, value) as ObjectValue | null;
}

/** The same for a value of any type. */
export function readValue(type: CtyType, value: DynamicValue | undefined): Value {
  if (value === undefined) return null;
  if (value.msgpack.length > 0) return decodeMsgpack(type, value.msgpack);
  if (value.json.length > 0) return decodeJson(type, value.json.toString("utf8"));
  return null;
}

export function writeObject(type: CtyType, value: ObjectValue | null): DynamicValue {
  return writeValue(type, value);
}

export function writeValue(type: CtyType, value: Value): DynamicValue {
  return { msgpack: encodeMsgpack(type, value), json: Buffer.alloc(0) };
}
