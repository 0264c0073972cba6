/** No batch has more mappings than this. */
export const MAX_BATCH_COUNT = 500;
/** Stock proxies receive at most 4 MiB per message; a quarter is left for framing and growth of the estimate. */
export const MAX_BATCH_BYTES = 3 * 1024 * 1024;

/**
 * Cuts a list into messages that every proxy can receive. An item that is too large alone gets a message of its own.
 *
 * @param sizeOf encoded size in bytes
 * @returns no batch at all for no items
 */
export function* splitBatches<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  { maxCount = MAX_BATCH_COUNT, maxBytes = MAX_BATCH_BYTES } = {},
): Generator<T[]> {
  // The everyday case, one changed service, needs no measuring.
  if (items.length === 1) {
    yield [...items];
    return;
  }
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    // Field tag and length prefix of a repeated message.
    const size = sizeOf(item) + 6;
    if (batch.length > 0 && (batch.length >= maxCount || bytes + size > maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
