import type { DynamicValue } from "@netbird-proxy/proto/tfplugin6";
import type { CtyType } from "../convert/cty-type.ts";
import { decodeJson } from "../convert/decode-json.ts";
import { decodeMsgpack } from "../convert/decode-msgpack.ts";
import { encodeMsgpack } from "../convert/encode-msgpack.ts";
import type { ObjectValue } from "../convert/value.ts";

/** Reads an object, or null; an absent or empty envelope is null too. */
export function readObject(type: CtyType, value: DynamicValue | undefined): ObjectValue | null {
  if (value === undefined) return null;
  if (value.msgpack.length > 0) return decodeMsgpack(type, value.msgpack) as ObjectValue | null;
  if (value.json.length > 0) return decodeJson(type, value.json.toString("utf8")) as ObjectValue | null;
  return null;
}

export function writeObject(type: CtyType, value: ObjectValue | null): DynamicValue {
  return { msgpack: encodeMsgpack(type, value), json: Buffer.alloc(0) };
}
