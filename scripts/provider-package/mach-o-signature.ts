// Macs with Apple's processors start no program without a signature. An ad-hoc one names nobody and only vouches for the
// bytes; that is what linkers give every program that is built on such a Mac.
// Source: Apple's <kern/cs_blobs.h>; numbers in it are big endian.
import { createHash } from "node:crypto";
import { CODE_SIGNATURE, HEADER_BYTES, loadCommands } from "./mach-o.ts";

const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
/** With the field that says which part is the program's own text. */
const VERSION = 0x20400;
const AD_HOC = 0x2;
const SHA256 = 2;
const PAGE_BITS = 12;
const PAGE_BYTES = 1 << PAGE_BITS;
const DIRECTORY_BYTES = 88;
const SUPER_BLOB_BYTES = 20;
const MAIN_BINARY = 1n;
const COMMAND_BYTES = 16;
/** Memory comes in pages of 16 KiB on arm64. */
const SEGMENT_ALIGNMENT = 0x4000;

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to;

/**
 * A program with an ad-hoc signature over all its bytes.
 * @param program Mach-O without a signature, `__LINKEDIT` last
 * @param identifier names the program; any text
 */
export function signAdHoc(program: Buffer, identifier: string): Buffer {
  const commands = loadCommands(program);
  if (commands.some(({ kind }) => kind === CODE_SIGNATURE)) throw new Error("the program is signed already");
  const named = (name: string) => commands.find(({ segment }) => segment?.name === name);
  const linkEdit = named("__LINKEDIT");
  const text = named("__TEXT")?.segment;
  if (!linkEdit?.segment || !text) throw new Error("the program lacks __LINKEDIT or __TEXT");
  const { fileOffset, fileBytes } = linkEdit.segment;
  if (fileOffset + fileBytes !== program.length) throw new Error("__LINKEDIT is not last");
  const endOfCommands = HEADER_BYTES + program.readUInt32LE(20);
  const sections = commands.flatMap(({ segment }) => segment?.sectionOffsets ?? []);
  const firstSection = Math.min(...sections.filter((offset) => offset > 0));
  if (endOfCommands + COMMAND_BYTES > firstSection) throw new Error("no room for one more load command");

  const signatureAt = roundUp(program.length, 16);
  const pages = Math.ceil(signatureAt / PAGE_BYTES);
  const name = Buffer.from(`${identifier}\0`, "latin1");
  const hashesAt = DIRECTORY_BYTES + name.length;
  const directoryBytes = hashesAt + 32 * pages;
  const signature = Buffer.alloc(SUPER_BLOB_BYTES + directoryBytes);

  const signed = Buffer.concat([program, Buffer.alloc(signatureAt - program.length), signature]);
  signed.writeUInt32LE(commands.length + 1, 16);
  signed.writeUInt32LE(program.readUInt32LE(20) + COMMAND_BYTES, 20);
  signed.writeUInt32LE(CODE_SIGNATURE, endOfCommands);
  signed.writeUInt32LE(COMMAND_BYTES, endOfCommands + 4);
  signed.writeUInt32LE(signatureAt, endOfCommands + 8);
  signed.writeUInt32LE(signature.length, endOfCommands + 12);
  const linkEditBytes = signed.length - fileOffset;
  signed.writeBigUInt64LE(BigInt(roundUp(linkEditBytes, SEGMENT_ALIGNMENT)), linkEdit.at + 32);
  signed.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit.at + 48);

  // The header is hashed too, so everything above comes first.
  const out = signed.subarray(signatureAt);
  writeWords(out, [SUPER_BLOB, out.length, 1, 0, SUPER_BLOB_BYTES]);
  const directory = out.subarray(SUPER_BLOB_BYTES);
  writeWords(directory, [
    CODE_DIRECTORY,
    directoryBytes,
    VERSION,
    AD_HOC,
    hashesAt,
    DIRECTORY_BYTES,
    0,
    pages,
    signatureAt,
  ]);
  directory.set([32, SHA256, 0, PAGE_BITS], 36);
  directory.writeBigUInt64BE(BigInt(text.fileOffset), 64);
  directory.writeBigUInt64BE(BigInt(text.fileBytes), 72);
  directory.writeBigUInt64BE(MAIN_BINARY, 80);
  directory.set(name, DIRECTORY_BYTES);
  for (let page = 0; page < pages; page += 1) {
    const bytes = signed.subarray(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, signatureAt));
    directory.set(createHash("sha256").update(bytes).digest(), hashesAt + 32 * page);
  }
  return signed;
}

function writeWords(bytes: Buffer, words: readonly number[]): void {
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 4 * index);
}
