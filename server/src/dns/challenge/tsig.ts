import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalName, readName } from "./dns-names.ts";

export const tsigAlgorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;
export type TsigAlgorithm = (typeof tsigAlgorithms)[number];

export interface TsigKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Buffer;
}

export type TsigVerdict = { ok: true } | { ok: false; why: string };

const TYPE_TSIG = 250;
const CLASS_ANY = 255;
const FUDGE_SECONDS = 300;
const HEADER_BYTES = 12;

// RFC 8945 §3; 16 to 18 are what a server says about a request's signature.
const errors: Record<number, string> = {
  16: "BADSIG: the key's secret or algorithm is another one there",
  17: "BADKEY: it knows no key of this name",
  18: "BADTIME: the clocks differ by more than five minutes",
  22: "BADTRUNC",
};

/**
 * Signs a message without additional records that follow it. Source: RFC 8945 §4.3.
 *
 * @param atSeconds since 1970
 * @returns the signed message and its MAC, which the answer is checked with
 */
export function signMessage(
  message: Buffer,
  key: TsigKey,
  atSeconds: number,
): { message: Buffer; mac: Buffer } {
  const variables = tsigVariables(key, { atSeconds, fudge: FUDGE_SECONDS, error: 0, other: Buffer.alloc(0) });
  const mac = hmac(key, message, variables);
  const rdata = Buffer.concat([
    canonicalName(key.algorithm),
    uint48(atSeconds),
    uint16(FUDGE_SECONDS),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ]);
  const record = Buffer.concat([
    canonicalName(key.name),
    uint16(TYPE_TSIG),
    uint16(CLASS_ANY),
    Buffer.alloc(4),
    uint16(rdata.length),
    rdata,
  ]);
  const signed = Buffer.concat([message, record]);
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { message: signed, mac };
}

/**
 * Checks the answer to a signed request. Source: RFC 8945 §5.3.
 *
 * @throws Error when the bytes are no DNS message
 */
export function verifyAnswer(
  answer: Buffer,
  key: TsigKey,
  requestMac: Buffer,
  nowSeconds: number,
): TsigVerdict {
  const found = readTsig(answer);
  if (found === undefined) return { ok: false, why: "the answer is not signed" };
  const { start, name, algorithm, atSeconds, fudge, mac, originalId, error, other } = found;
  if (error !== 0 && mac.length === 0) {
    return { ok: false, why: `the server refuses the signature (${errors[error] ?? `error ${error}`})` };
  }
  if (name !== key.name.toLowerCase() || algorithm !== key.algorithm) {
    return { ok: false, why: "the answer is signed with another key" };
  }
  const unsigned = Buffer.from(answer.subarray(0, start));
  originalId.copy(unsigned, 0);
  unsigned.writeUInt16BE(unsigned.readUInt16BE(10) - 1, 10);
  const expected = hmac(
    key,
    uint16(requestMac.length),
    requestMac,
    unsigned,
    tsigVariables(key, { atSeconds, fudge, error, other }),
  );
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
    return { ok: false, why: "the signature of the answer is wrong" };
  }
  if (error !== 0) {
    return { ok: false, why: `the server refuses the signature (${errors[error] ?? `error ${error}`})` };
  }
  if (Math.abs(nowSeconds - atSeconds) > fudge) return { ok: false, why: "the answer is too old or too new" };
  return { ok: true };
}

interface Variables {
  atSeconds: number;
  fudge: number;
  error: number;
  other: Buffer;
}

function tsigVariables(key: TsigKey, { atSeconds, fudge, error, other }: Variables): Buffer {
  return Buffer.concat([
    canonicalName(key.name),
    uint16(CLASS_ANY),
    Buffer.alloc(4),
    canonicalName(key.algorithm),
    uint48(atSeconds),
    uint16(fudge),
    uint16(error),
    uint16(other.length),
    other,
  ]);
}

/** The last record, when it is a signature. */
function readTsig(message: Buffer) {
  const additional = message.readUInt16BE(10);
  if (additional === 0) return undefined;
  let at = HEADER_BYTES;
  for (let left = message.readUInt16BE(4); left > 0; left--) at = readName(message, at).end + 4;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + additional - 1;
  for (let left = records; left > 0; left--) {
    const { end } = readName(message, at);
    at = end + 10 + message.readUInt16BE(end + 8);
  }
  const start = at;
  const { name, end } = readName(message, at);
  if (message.readUInt16BE(end) !== TYPE_TSIG) return undefined;
  const { name: algorithm, end: time } = readName(message, end + 10);
  const macBytes = message.readUInt16BE(time + 8);
  const id = time + 10 + macBytes;
  const otherBytes = message.readUInt16BE(id + 4);
  if (id + 6 + otherBytes !== message.length) throw new RangeError("the signature is cut short");
  return {
    start,
    name,
    algorithm,
    atSeconds: message.readUIntBE(time, 6),
    fudge: message.readUInt16BE(time + 6),
    mac: message.subarray(time + 10, id),
    originalId: message.subarray(id, id + 2),
    error: message.readUInt16BE(id + 2),
    other: message.subarray(id + 6),
  };
}

function hmac({ algorithm, secret }: TsigKey, ...parts: Buffer[]): Buffer {
  const mac = createHmac(algorithm.slice("hmac-".length), secret);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
