import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";

/**
 * A transfer in both directions at once over any stream. The side that dialed starts with a header of two 64-bit numbers:
 * how many bytes it will send and how many it wants. Both sides send bytes that follow from their position and close.
 */
export interface Exchange {
  readonly receivedBytes: number;
  readonly sha256: string;
}

const HEADER_BYTES = 16;
/** No power of two, so that a shift by any round number shows. */
const BLOCK_BYTES = 1_000_003;
const BLOCK = Buffer.alloc(BLOCK_BYTES);
for (let i = 0, x = 1; i < BLOCK_BYTES; i += 1) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
  BLOCK[i] = x >>> 16;
}

/** The SHA-256 of `length` test bytes. */
export function expectedSha256(length: number): string {
  const hash = createHash("sha256");
  for (let left = length; left > 0; left -= BLOCK_BYTES)
    hash.update(BLOCK.subarray(0, Math.min(left, BLOCK_BYTES)));
  return hash.digest("hex");
}

/** Dials out: sends the header and `upBytes`, reads until the other side ends. */
export async function exchangeAsDialer(
  stream: Duplex,
  upBytes: number,
  downBytes: number,
): Promise<Exchange> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeBigUInt64BE(BigInt(upBytes), 0);
  header.writeBigUInt64BE(BigInt(downBytes), 8);
  stream.write(header);
  const result = receive(stream, 0);
  await send(stream, upBytes);
  return result;
}

/** Answers: reads the header, then sends and receives what it says. */
export async function exchangeAsListener(stream: Duplex): Promise<Exchange> {
  const header = await new Promise<Buffer>((resolve, reject) => {
    const read = () => {
      const bytes = stream.read(HEADER_BYTES) as Buffer | null;
      if (bytes === null) {
        stream.once("readable", read);
        return;
      }
      stream.off("error", reject);
      resolve(bytes);
    };
    stream.once("error", reject);
    read();
  });
  const result = receive(stream, 0);
  await send(stream, Number(header.readBigUInt64BE(8)));
  return result;
}

async function send(stream: Duplex, length: number): Promise<void> {
  let at = 0;
  while (at < length) {
    const from = at % BLOCK_BYTES;
    const piece = BLOCK.subarray(from, Math.min(BLOCK_BYTES, from + 65_536, from + length - at));
    at += piece.length;
    if (!stream.write(piece)) {
      await new Promise<void>((resolve, reject) => {
        const onDrain = () => {
          stream.off("close", onClose);
          resolve();
        };
        const onClose = () => {
          stream.off("drain", onDrain);
          reject(stream.errored ?? new Error(`closed after ${at} of ${length} bytes`));
        };
        stream.once("drain", onDrain);
        stream.once("close", onClose);
      });
    }
  }
  stream.end();
}

function receive(stream: Duplex, startBytes: number): Promise<Exchange> {
  const hash = createHash("sha256");
  let receivedBytes = startBytes;
  return new Promise((resolve, reject) => {
    stream.on("data", (bytes: Buffer) => {
      hash.update(bytes);
      receivedBytes += bytes.length;
    });
    stream.once("end", () => resolve({ receivedBytes, sha256: hash.digest("hex") }));
    stream.once("error", reject);
  });
}
