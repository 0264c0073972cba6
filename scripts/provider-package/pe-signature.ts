// Source: Microsoft's "PE Format", optional header data directories and the attribute certificate table.
const CERTIFICATE_TABLE = 4;
const PE32_PLUS = 0x20b;

/** Where the directory entry of the signature stands, and the signature that it names. Both 0 when there is none. */
export function peSignature(bytes: Buffer): { entry: number; offset: number; size: number } {
  const header = bytes.readUInt32LE(0x3c);
  if (bytes.toString("latin1", header, header + 4) !== "PE\0\0") throw new Error("not a PE file");
  const optional = header + 24;
  const directories = optional + (bytes.readUInt16LE(optional) === PE32_PLUS ? 112 : 96);
  const entry = directories + 8 * CERTIFICATE_TABLE;
  return { entry, offset: bytes.readUInt32LE(entry), size: bytes.readUInt32LE(entry + 4) };
}

/** A Windows program without its Authenticode signature, which would be wrong after any change. */
export function withoutSignature(bytes: Buffer): Buffer {
  const { entry, offset, size } = peSignature(bytes);
  if (size === 0) return bytes;
  if (offset + size !== bytes.length) throw new Error("the signature is not at the end of the file");
  const unsigned = Buffer.from(bytes.subarray(0, offset));
  unsigned.writeUInt32LE(0, entry);
  unsigned.writeUInt32LE(0, entry + 4);
  return unsigned;
}
