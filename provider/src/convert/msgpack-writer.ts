/** Appends msgpack items to a growing buffer. */
export class MsgpackWriter {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  nil(): void {
    this.#byte(0xc0);
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  /** @param value within int64 */
  int(value: bigint): void {
    if (value >= 0n) {
      if (value <= 0x7fn) this.#byte(Number(value));
      else if (value <= 0xffn) this.#header(0xcc, 1, Number(value));
      else if (value <= 0xffffn) this.#header(0xcd, 2, Number(value));
      else if (value <= 0xffffffffn) this.#header(0xce, 4, Number(value));
      else this.#int64(value);
    } else if (value >= -32n) this.#byte(Number(value) + 0x100);
    else if (value >= -0x80n) this.#header(0xd0, 1, Number(value) + 0x100);
    else if (value >= -0x8000n) this.#header(0xd1, 2, Number(value) + 0x10000);
    else if (value >= -0x80000000n) this.#header(0xd2, 4, Number(value) + 0x100000000);
    else this.#int64(value);
  }

  /** @param value finite: Terraform crashes on NaN */
  float(value: number): void {
    this.#byte(0xcb);
    this.#reserve(8);
    this.#bytes.writeDoubleBE(value, this.#length);
    this.#length += 8;
  }

  str(value: string): void {
    const length = Buffer.byteLength(value, "utf8");
    if (length <= 31) this.#byte(0xa0 | length);
    else this.#sized(length, 0xd9, 0xda, 0xdb);
    this.#reserve(length);
    this.#bytes.write(value, this.#length, "utf8");
    this.#length += length;
  }

  bin(value: Uint8Array): void {
    this.#sized(value.length, 0xc4, 0xc5, 0xc6);
    this.#raw(value);
  }

  ext(type: number, payload: Uint8Array): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(payload.length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else this.#sized(payload.length, 0xc7, 0xc8, 0xc9);
    this.#byte(type & 0xff);
    this.#raw(payload);
  }

  array(length: number): void {
    if (length <= 15) this.#byte(0x90 | length);
    else if (length <= 0xffff) this.#header(0xdc, 2, length);
    else this.#header(0xdd, 4, length);
  }

  map(length: number): void {
    if (length <= 15) this.#byte(0x80 | length);
    else if (length <= 0xffff) this.#header(0xde, 2, length);
    else this.#header(0xdf, 4, length);
  }

  /** Appends items that are encoded already. */
  encoded(items: Uint8Array): void {
    this.#raw(items);
  }

  #sized(length: number, one: number, two: number, four: number): void {
    if (length <= 0xff) this.#header(one, 1, length);
    else if (length <= 0xffff) this.#header(two, 2, length);
    else this.#header(four, 4, length);
  }

  #header(byte: number, width: 1 | 2 | 4, value: number): void {
    this.#byte(byte);
    this.#reserve(width);
    this.#bytes.writeUIntBE(value, this.#length, width);
    this.#length += width;
  }

  #int64(value: bigint): void {
    this.#byte(0xd3);
    this.#reserve(8);
    this.#bytes.writeBigInt64BE(value, this.#length);
    this.#length += 8;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
