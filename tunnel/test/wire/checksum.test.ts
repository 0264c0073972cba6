import assert from "node:assert/strict";
import fc from "fast-check";
import { addWords, checksumOf, foldSum } from "../../src/wire/checksum.ts";
import { PacketBuffer } from "../../src/wire/packet-buffer.ts";

/** RFC 1071 §4.1, byte by byte. */
function plainChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

suite("wire/checksum", () => {
  test("equals the byte-wise sum of RFC 1071 at any length, whatever lies behind the data", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 5 }), (data, wordsBefore) => {
        const buffer = new PacketBuffer(512);
        buffer.bytes.fill(0xa5);
        const start = wordsBefore * 2;
        buffer.bytes.set(data, start);
        const word = checksumOf(addWords(0, buffer.words, start, start + data.length));
        buffer.words[250] = word;
        assert.equal((buffer.bytes[500]! << 8) | buffer.bytes[501]!, plainChecksum(data));
      }),
    );
  });

  test("data that contains its own checksum folds to all ones", () => {
    const buffer = new PacketBuffer(64);
    for (let i = 0; i < 20; i += 1) buffer.bytes[i] = i * 13;
    buffer.words[5] = 0;
    buffer.words[5] = checksumOf(addWords(0, buffer.words, 0, 20));
    assert.equal(foldSum(addWords(0, buffer.words, 0, 20)), 0xffff);
  });
});
