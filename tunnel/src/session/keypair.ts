import { openInPlace, sealInPlace, wipe } from "../noise/aead.ts";
import type { TransportKeys } from "../noise/handshake.ts";
import { writeUint32LittleEndian } from "../wire/bytes.ts";
import type { PacketBuffer } from "../wire/packet-buffer.ts";
import {
  KEEPALIVE_BYTES,
  MAX_COUNTER,
  readCounter,
  TAG_BYTES,
  TRANSPORT_HEADER_BYTES,
  writeTransportHeader,
} from "../wire/wireguard-message.ts";
import { ReplayWindow } from "./replay-window.ts";

/** A counter left unused at the end, so that the replay window never wraps (paper §6.5, scaled to 2^53). */
export const REJECT_AFTER_MESSAGES = MAX_COUNTER - 8192;
export const REKEY_AFTER_MESSAGES = 2 ** 52;

/** One session's keys in both directions. */
export class Keypair {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly createdMs: number;
  /** Only the side that started the handshake renews it by age, or both would at the same moment. */
  readonly isInitiator: boolean;
  sentMessages = 0;
  /** Set once a renewal was started because of a received packet, so that it happens once per session. */
  renewalAsked = false;
  readonly #sendKey: Uint8Array;
  readonly #receiveKey: Uint8Array;
  readonly #replay = new ReplayWindow();
  readonly #nonce = new Uint8Array(12);

  constructor(keys: TransportKeys, localIndex: number, isInitiator: boolean, nowMs: number) {
    this.localIndex = localIndex;
    this.remoteIndex = keys.remoteIndex;
    this.createdMs = nowMs;
    this.isInitiator = isInitiator;
    this.#sendKey = keys.sendKey;
    this.#receiveKey = keys.receiveKey;
  }

  /**
   * Turns the inner packet at `[16, 16 + plainBytes)` of `buffer` into a transport message from offset 0. The bytes that
   * pad it must already be zero. @returns the length of the datagram
   */
  seal(buffer: PacketBuffer, plainBytes: number): number {
    const counter = this.sentMessages;
    this.sentMessages = counter + 1;
    this.#setNonce(counter);
    const plainEnd = TRANSPORT_HEADER_BYTES + plainBytes;
    const end = plainEnd + TAG_BYTES;
    sealInPlace(
      this.#sendKey,
      this.#nonce,
      buffer.view(TRANSPORT_HEADER_BYTES, plainEnd),
      buffer.view(TRANSPORT_HEADER_BYTES, end),
    );
    writeTransportHeader(buffer.bytes, this.remoteIndex, counter);
    return end;
  }

  /**
   * Opens the transport message `[0, datagramBytes)` in place.
   * @returns bytes of plaintext from offset 16, or -1 when it is a replay or was not sealed for us
   */
  open(buffer: PacketBuffer, datagramBytes: number): number {
    if (datagramBytes < KEEPALIVE_BYTES) return -1;
    const counter = readCounter(buffer.bytes);
    if (counter < 0 || counter >= REJECT_AFTER_MESSAGES || !this.#replay.isFresh(counter)) return -1;
    this.#setNonce(counter);
    const plainEnd = datagramBytes - TAG_BYTES;
    const sealed = buffer.view(TRANSPORT_HEADER_BYTES, datagramBytes);
    const plain = buffer.view(TRANSPORT_HEADER_BYTES, plainEnd);
    if (!openInPlace(this.#receiveKey, this.#nonce, sealed, plain)) return -1;
    this.#replay.accept(counter);
    return plainEnd - TRANSPORT_HEADER_BYTES;
  }

  /** Erases the keys; the pair must not be used after this. */
  wipe(): void {
    wipe(this.#sendKey);
    wipe(this.#receiveKey);
  }

  #setNonce(counter: number): void {
    writeUint32LittleEndian(this.#nonce, 4, counter % 2 ** 32);
    writeUint32LittleEndian(this.#nonce, 8, Math.floor(counter / 2 ** 32));
  }
}
