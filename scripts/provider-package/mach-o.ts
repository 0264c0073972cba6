// Source: Apple's <mach-o/loader.h>. 64 bits, little endian: what Node is on both kinds of Mac.
export const MAGIC = 0xfeedfacf;
export const HEADER_BYTES = 32;
export const SEGMENT = 0x19;
export const CODE_SIGNATURE = 0x1d;

export interface Segment {
  name: string;
  fileOffset: number;
  fileBytes: number;
  sectionOffsets: number[];
}

export interface LoadCommand {
  kind: number;
  /** Where it stands in the file. */
  at: number;
  size: number;
  segment?: Segment;
}

/** @returns the load commands: kind, place and, for segments, where their bytes are */
export function loadCommands(bytes: Buffer): LoadCommand[] {
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error("not a Mach-O file of 64 bits");
  const commands: LoadCommand[] = [];
  let at = HEADER_BYTES;
  for (let left = bytes.readUInt32LE(16); left > 0; left -= 1) {
    const kind = bytes.readUInt32LE(at);
    const size = bytes.readUInt32LE(at + 4);
    commands.push({ kind, at, size, ...(kind === SEGMENT && { segment: segment(bytes, at) }) });
    at += size;
  }
  return commands;
}

function segment(bytes: Buffer, at: number): Segment {
  const sectionOffsets: number[] = [];
  for (let index = bytes.readUInt32LE(at + 64) - 1; index >= 0; index -= 1)
    sectionOffsets.push(bytes.readUInt32LE(at + 72 + 80 * index + 48));
  return {
    name: bytes.toString("latin1", at + 8, at + 24).replace(/\0+$/, ""),
    fileOffset: Number(bytes.readBigUInt64LE(at + 40)),
    fileBytes: Number(bytes.readBigUInt64LE(at + 48)),
    sectionOffsets,
  };
}
