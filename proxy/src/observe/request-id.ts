import { randomBytes } from "node:crypto";

const alphabet = "0123456789abcdefghijklmnopqrstuv";

/**
 * Makes request ids in the form NetBird uses for its log ids (xid: 20 characters of base32hex, sorted by time): 4 bytes
 * of seconds, 5 random bytes of this process, a counter of 3 bytes.
 */
export function requestIds(nowMs: () => number): () => string {
  const bytes = Buffer.alloc(12);
  randomBytes(5).copy(bytes, 4);
  let counter = randomBytes(3).readUIntBE(0, 3);
  return () => {
    bytes.writeUInt32BE(Math.floor(nowMs() / 1000) >>> 0, 0);
    counter = (counter + 1) & 0xffffff;
    bytes.writeUIntBE(counter, 9, 3);
    let id = "";
    let bits = 0;
    let held = 0;
    for (let i = 0; i < 12; i++) {
      held = (held << 8) | bytes[i]!;
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        id += alphabet[(held >> bits) & 31];
      }
      held &= (1 << bits) - 1;
    }
    return id + alphabet[(held << (5 - bits)) & 31];
  };
}
