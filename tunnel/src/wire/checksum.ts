/**
 * The Internet checksum (RFC 1071), over 16-bit words in the machine's own byte order: the one's complement sum does not
 * care about byte order as long as the result is stored the way the words were read (RFC 1071 §2 (B)). That is about
 * three times as fast here as joining bytes. Only constants and odd bytes need {@link networkWord}.
 */

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A 16-bit number as the machine would read it from two network-order bytes. */
export function networkWord(value: number): number {
  return LITTLE_ENDIAN ? ((value & 0xff) << 8) | ((value >>> 8) & 0xff) : value & 0xffff;
}

/**
 * Adds the words that cover bytes `[start, end)` to `sum`. `start` must be even; a last odd byte counts as padded with
 * zero. The sum is not folded: up to 64 KiB fits into an int32 several times over.
 */
export function addWords(sum: number, words: Uint16Array, start: number, end: number): number {
  let total = sum;
  let at = start >> 1;
  const stop = end >> 1;
  for (; at + 7 < stop; at += 8) {
    total +=
      words[at]! +
      words[at + 1]! +
      words[at + 2]! +
      words[at + 3]! +
      words[at + 4]! +
      words[at + 5]! +
      words[at + 6]! +
      words[at + 7]!;
  }
  for (; at < stop; at += 1) total += words[at]!;
  if (end & 1) total += LITTLE_ENDIAN ? words[stop]! & 0xff : words[stop]! & 0xff00;
  return total;
}

/** Folds a sum to 16 bits; 0xffff says that data which contains its own checksum is intact. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The word to store in the checksum field (by index into the same word array). */
export function checksumOf(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}
