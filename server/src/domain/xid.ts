import { randomBytes } from "node:crypto";

// 12 bytes: 4 of seconds (so that ids sort by time), 5 that name this process, 3 that count.
const process5 = randomBytes(5);
let counter = randomBytes(3).readUIntBE(0, 3);

const ALPHABET = "0123456789abcdefghijklmnopqrstuv";

/** An xid as NetBird uses them: 20 characters of `[0-9a-v]`, sortable by time, unique without coordination. */
export function newId<Id extends string>(nowMs: number = Date.now()): Id {
  counter = (counter + 1) & 0xffffff;
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(Math.floor(nowMs / 1000) >>> 0, 0);
  process5.copy(bytes, 4);
  bytes.writeUIntBE(counter, 9, 3);
  return base32Hex(bytes) as Id;
}

/** RFC 4648 §7 without padding, lower case. */
function base32Hex(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}
