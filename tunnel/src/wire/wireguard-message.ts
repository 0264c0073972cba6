import { readUint32LittleEndian, writeUint32LittleEndian } from "./bytes.ts";
import { failed, type Parsed } from "./parsed.ts";

export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;
export const MESSAGE_TRANSPORT = 4;

export const INITIATION_BYTES = 148;
export const RESPONSE_BYTES = 92;
export const COOKIE_REPLY_BYTES = 64;
export const TRANSPORT_HEADER_BYTES = 16;
export const TAG_BYTES = 16;
export const MAC_BYTES = 16;
/** An empty transport message: header and tag. */
export const KEEPALIVE_BYTES = TRANSPORT_HEADER_BYTES + TAG_BYTES;

/** Offsets inside an initiation; the mac1 offset of a response is its own. */
export const INITIATION = {
  sender: 4,
  ephemeral: 8,
  sealedStatic: 40,
  sealedTimestamp: 88,
  mac1: 116,
  mac2: 132,
};
export const RESPONSE = { sender: 4, receiver: 8, ephemeral: 12, sealedEmpty: 44, mac1: 60, mac2: 76 };
export const COOKIE_REPLY = { receiver: 4, nonce: 8, sealedCookie: 32 };

export type MessageType =
  | typeof MESSAGE_INITIATION
  | typeof MESSAGE_RESPONSE
  | typeof MESSAGE_COOKIE_REPLY
  | typeof MESSAGE_TRANSPORT;

/** Tells the message type after checking the size that goes with it (WireGuard paper §5.4). */
export function parseMessageType(datagram: Uint8Array): Parsed<MessageType> {
  if (datagram.length < KEEPALIVE_BYTES) return failed("too-short");
  switch (readUint32LittleEndian(datagram, 0)) {
    case MESSAGE_TRANSPORT:
      return TRANSPORT_OK;
    case MESSAGE_INITIATION:
      return datagram.length === INITIATION_BYTES
        ? { ok: true, value: MESSAGE_INITIATION }
        : failed("bad-length");
    case MESSAGE_RESPONSE:
      return datagram.length === RESPONSE_BYTES
        ? { ok: true, value: MESSAGE_RESPONSE }
        : failed("bad-length");
    case MESSAGE_COOKIE_REPLY:
      return datagram.length === COOKIE_REPLY_BYTES
        ? { ok: true, value: MESSAGE_COOKIE_REPLY }
        : failed("bad-length");
    default:
      return failed("bad-type");
  }
}
const TRANSPORT_OK: Parsed<MessageType> = { ok: true, value: MESSAGE_TRANSPORT };

/** Counters beyond 2^53 are refused before they lose precision; no session lives for that many packets. */
export const MAX_COUNTER = 2 ** 53 - 1;

/** The 64-bit counter of a transport message, or -1 when it is above {@link MAX_COUNTER}. */
export function readCounter(datagram: Uint8Array): number {
  const high = readUint32LittleEndian(datagram, 12);
  if (high >= 2 ** 21) return -1;
  return high * 2 ** 32 + readUint32LittleEndian(datagram, 8);
}

export function writeTransportHeader(datagram: Uint8Array, receiver: number, counter: number): void {
  datagram[0] = MESSAGE_TRANSPORT;
  datagram[1] = 0;
  datagram[2] = 0;
  datagram[3] = 0;
  writeUint32LittleEndian(datagram, 4, receiver);
  writeUint32LittleEndian(datagram, 8, counter % 2 ** 32);
  writeUint32LittleEndian(datagram, 12, Math.floor(counter / 2 ** 32));
}
