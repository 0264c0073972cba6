import { CODE_SIGNATURE, loadCommands, MAGIC } from "./mach-o.ts";
import { peSignature } from "./pe-signature.ts";
import type { Platform } from "./platforms.ts";

/** Node's own mark: followed by `:0` in Node, and by `:1` where a script was put in. */
export const SENTINEL = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * What is wrong with an executable for a platform of ./platforms.mjs.
 * @param blob what must be inside, byte by byte
 * @returns sentences; none when all is well
 */
export function inspectExecutable(
  bytes: Buffer,
  { format, machine }: Pick<Platform, "format" | "machine">,
  blob: Buffer,
): string[] {
  const problems: string[] = [];
  const found = kindOf(bytes);
  if (found.format !== format || found.machine !== machine)
    problems.push(`it is ${found.format} for machine ${found.machine?.toString(16)}`);
  if (!bytes.includes(`${SENTINEL}:1`, 0, "latin1")) problems.push("Node would not look for a script in it");
  if (!bytes.includes(blob)) problems.push("the script is not in it");
  if (found.format === "pe" && peSignature(bytes).size !== 0)
    problems.push("it has a signature of something else");
  if (found.format === "mach-o" && !loadCommands(bytes).some(({ kind }) => kind === CODE_SIGNATURE))
    problems.push("it has no signature");
  return problems;
}

function kindOf(bytes: Buffer): { format: string; machine: number | undefined } {
  if (bytes.toString("latin1", 0, 4) === "\x7fELF") return { format: "elf", machine: bytes.readUInt16LE(18) };
  if (bytes.readUInt32LE(0) === MAGIC) return { format: "mach-o", machine: bytes.readUInt32LE(4) };
  if (bytes.toString("latin1", 0, 2) === "MZ")
    return { format: "pe", machine: bytes.readUInt16LE(bytes.readUInt32LE(0x3c) + 4) };
  return { format: "unknown", machine: undefined };
}
