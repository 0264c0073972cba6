import { ConversionError } from "./cty-type.ts";

/** One decoded msgpack item; containers only announce how many items follow. */
export type Token =
  | { kind: "nil" }
  | { kind: "bool"; value: boolean }
  | { kind: "int"; value: bigint }
  | { kind: "float"; value: number }
  | { kind: "str"; value: string }
  | { kind: "bin"; value: Uint8Array }
  | { kind: "array"; length: number }
  | { kind: "map"; length: number }
  | { kind: "ext"; type: number; payload: Uint8Array };

/** Reads msgpack item by item. Format: https://github.com/msgpack/msgpack/blob/master/spec.md */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws {ConversionError} at the end of the input and for the one byte msgpack never uses */
  next(): Token {
    const first = this.#take(1);
    const byte = this.#bytes[first]!;
    if (byte <= 0x7f) return { kind: "int", value: BigInt(byte) };
    if (byte <= 0x8f) return this.#container("map", byte & 0x0f);
    if (byte <= 0x9f) return this.#container("array", byte & 0x0f);
    if (byte <= 0xbf) return this.#str(byte & 0x1f);
    if (byte >= 0xe0) return { kind: "int", value: BigInt(byte - 0x100) };
    switch (byte) {
      case 0xc0:
        return { kind: "nil" };
      case 0xc2:
        return { kind: "bool", value: false };
      case 0xc3:
        return { kind: "bool", value: true };
      case 0xc4:
        return this.#bin(this.#uint8());
      case 0xc5:
        return this.#bin(this.#uint16());
      case 0xc6:
        return this.#bin(this.#uint32());
      case 0xc7:
        return this.#ext(this.#uint8());
      case 0xc8:
        return this.#ext(this.#uint16());
      case 0xc9:
        return this.#ext(this.#uint32());
      case 0xca:
        return { kind: "float", value: this.#view.getFloat32(this.#take(4)) };
      case 0xcb:
        return { kind: "float", value: this.#view.getFloat64(this.#take(8)) };
      case 0xcc:
        return { kind: "int", value: BigInt(this.#uint8()) };
      case 0xcd:
        return { kind: "int", value: BigInt(this.#uint16()) };
      case 0xce:
        return { kind: "int", value: BigInt(this.#uint32()) };
      case 0xcf:
        return { kind: "int", value: this.#view.getBigUint64(this.#take(8)) };
      case 0xd0:
        return { kind: "int", value: BigInt(this.#view.getInt8(this.#take(1))) };
      case 0xd1:
        return { kind: "int", value: BigInt(this.#view.getInt16(this.#take(2))) };
      case 0xd2:
        return { kind: "int", value: BigInt(this.#view.getInt32(this.#take(4))) };
      case 0xd3:
        return { kind: "int", value: this.#view.getBigInt64(this.#take(8)) };
      case 0xd4:
        return this.#ext(1);
      case 0xd5:
        return this.#ext(2);
      case 0xd6:
        return this.#ext(4);
      case 0xd7:
        return this.#ext(8);
      case 0xd8:
        return this.#ext(16);
      case 0xd9:
        return this.#str(this.#uint8());
      case 0xda:
        return this.#str(this.#uint16());
      case 0xdb:
        return this.#str(this.#uint32());
      case 0xdc:
        return this.#container("array", this.#uint16());
      case 0xdd:
        return this.#container("array", this.#uint32());
      case 0xde:
        return this.#container("map", this.#uint16());
      case 0xdf:
        return this.#container("map", this.#uint32());
      default:
        throw new ConversionError(`byte 0x${byte.toString(16)} starts no msgpack item`);
    }
  }

  /** Moves past `count` bytes and returns where they begin. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) throw new ConversionError("the value ends too early");
    this.#at = start + count;
    return start;
  }

  #uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  #str(length: number): Token {
    const start = this.#take(length);
    return { kind: "str", value: this.#text.decode(this.#bytes.subarray(start, start + length)) };
  }

  // Copies: a view would keep the whole message alive for as long as the value.
  #bin(length: number): Token {
    const start = this.#take(length);
    return { kind: "bin", value: new Uint8Array(this.#bytes.subarray(start, start + length)) };
  }

  #ext(length: number): Token {
    const type = this.#view.getInt8(this.#take(1));
    const start = this.#take(length);
    return {
      kind: "ext",
      type,
      payload: new Uint8Array(this.#bytes.subarray(start, start + length)),
    };
  }

  // Every item takes at least one byte, so a length beyond the rest is a lie; believing it would allocate first.
  #container(kind: "array" | "map", length: number): Token {
    const least = kind === "map" ? length * 2 : length;
    if (least > this.#bytes.length - this.#at) throw new ConversionError("the value ends too early");
    return { kind, length };
  }
}
