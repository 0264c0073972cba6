import type { Key } from "../api.ts";
import { readUint32LittleEndian, writeUint32LittleEndian } from "../wire/bytes.ts";
import {
  INITIATION,
  INITIATION_BYTES,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  RESPONSE,
  RESPONSE_BYTES,
} from "../wire/wireguard-message.ts";
import { openOnce, sealOnce } from "./aead.ts";
import { hash, kdf } from "./kdf.ts";
import { privateKeyFromRandom, publicKeyOf, sharedSecret } from "./keys.ts";
import { mac } from "./mac.ts";

/**
 * Noise_IKpsk2 as WireGuard uses it (paper §5.4): pure functions from keys and bytes to bytes and keys. Names follow the
 * paper: ck is the chaining key, h the running hash. mac2 is left zero here; the cookie's owner fills it in.
 */

const encoder = new TextEncoder();
const INITIAL_CHAINING_KEY = hash(encoder.encode("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
const INITIAL_HASH = hash(INITIAL_CHAINING_KEY, encoder.encode("WireGuard v1 zx2c4 Jason@zx2c4.com"));
const NO_PSK = new Uint8Array(32);
const EMPTY = new Uint8Array(0);

/** What the initiator keeps until the response arrives. */
export interface PendingInitiation {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
  readonly ephemeralPrivate: Key;
  readonly senderIndex: number;
}

/** What the responder learns from an initiation and needs for its answer. */
export interface ReceivedInitiation {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
  readonly remoteEphemeral: Key;
  readonly remoteStatic: Key;
  readonly remoteIndex: number;
  readonly timestamp: Uint8Array;
}

/** The two directions of a session, and the index by which the other side wants to be addressed. */
export interface TransportKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly remoteIndex: number;
}

export interface InitiatorInput {
  readonly staticPrivate: Key;
  readonly staticPublic: Key;
  readonly remoteStatic: Key;
  /** DH of our static with the remote static key, computed once per peer; undefined if it is all zero. */
  readonly staticShared: Uint8Array | undefined;
  /** mac1 key of the receiver. */
  readonly remoteMac1Key: Uint8Array;
  readonly ephemeralRandom: Uint8Array;
  readonly senderIndex: number;
  readonly timestamp: Uint8Array;
}

/** @returns undefined when the peer's key is of low order, so that no handshake with it can be secure */
export function createInitiation(
  input: InitiatorInput,
): { message: Uint8Array; pending: PendingInitiation } | undefined {
  const ephemeralPrivate = privateKeyFromRandom(input.ephemeralRandom);
  const ephemeralPublic = publicKeyOf(ephemeralPrivate);
  const ephemeralShared = sharedSecret(ephemeralPrivate, input.remoteStatic);
  if (ephemeralShared === undefined || input.staticShared === undefined) return undefined;

  const message = new Uint8Array(INITIATION_BYTES);
  message[0] = MESSAGE_INITIATION;
  writeUint32LittleEndian(message, INITIATION.sender, input.senderIndex);
  message.set(ephemeralPublic, INITIATION.ephemeral);

  let h = hash(INITIAL_HASH, input.remoteStatic);
  h = hash(h, ephemeralPublic);
  let [ck] = kdf(1, INITIAL_CHAINING_KEY, ephemeralPublic) as [Uint8Array];
  let key: Uint8Array;
  [ck, key] = kdf(2, ck, ephemeralShared) as [Uint8Array, Uint8Array];
  const sealedStatic = sealOnce(key, input.staticPublic, h);
  message.set(sealedStatic, INITIATION.sealedStatic);
  h = hash(h, sealedStatic);
  [ck, key] = kdf(2, ck, input.staticShared) as [Uint8Array, Uint8Array];
  const sealedTimestamp = sealOnce(key, input.timestamp, h);
  message.set(sealedTimestamp, INITIATION.sealedTimestamp);
  h = hash(h, sealedTimestamp);

  message.set(mac(input.remoteMac1Key, message.subarray(0, INITIATION.mac1)), INITIATION.mac1);
  return { message, pending: { chainingKey: ck, hash: h, ephemeralPrivate, senderIndex: input.senderIndex } };
}

export interface OpenInitiationInput {
  readonly staticPrivate: Key;
  readonly staticPublic: Key;
  /** DH with the static key the initiator claims, undefined for a key that is no peer: then no more work is done. */
  readonly staticSharedWith: (remoteStatic: Key) => Uint8Array | undefined;
}

/** Opens an initiation whose mac1 was checked. @returns undefined unless it is intact and from a known peer */
export function openInitiation(
  message: Uint8Array,
  input: OpenInitiationInput,
): ReceivedInitiation | undefined {
  const remoteEphemeral = message.slice(INITIATION.ephemeral, INITIATION.ephemeral + 32);
  let h = hash(INITIAL_HASH, input.staticPublic);
  h = hash(h, remoteEphemeral);
  let [ck] = kdf(1, INITIAL_CHAINING_KEY, remoteEphemeral) as [Uint8Array];
  const ephemeralShared = sharedSecret(input.staticPrivate, remoteEphemeral);
  if (ephemeralShared === undefined) return undefined;
  let key: Uint8Array;
  [ck, key] = kdf(2, ck, ephemeralShared) as [Uint8Array, Uint8Array];
  const sealedStatic = message.subarray(INITIATION.sealedStatic, INITIATION.sealedTimestamp);
  const remoteStatic = openOnce(key, sealedStatic, h);
  if (remoteStatic === undefined) return undefined;
  const staticShared = input.staticSharedWith(remoteStatic);
  if (staticShared === undefined) return undefined;
  h = hash(h, sealedStatic);
  [ck, key] = kdf(2, ck, staticShared) as [Uint8Array, Uint8Array];
  const sealedTimestamp = message.subarray(INITIATION.sealedTimestamp, INITIATION.mac1);
  const timestamp = openOnce(key, sealedTimestamp, h);
  if (timestamp === undefined) return undefined;
  h = hash(h, sealedTimestamp);
  return {
    chainingKey: ck,
    hash: h,
    remoteEphemeral,
    remoteStatic,
    remoteIndex: readUint32LittleEndian(message, INITIATION.sender),
    timestamp,
  };
}

/** @returns undefined when the initiator's keys are of low order */
export function createResponse(
  received: ReceivedInitiation,
  presharedKey: Key | undefined,
  remoteMac1Key: Uint8Array,
  ephemeralRandom: Uint8Array,
  senderIndex: number,
): { message: Uint8Array; keys: TransportKeys } | undefined {
  const ephemeralPrivate = privateKeyFromRandom(ephemeralRandom);
  const ephemeralPublic = publicKeyOf(ephemeralPrivate);
  const sharedEphemeral = sharedSecret(ephemeralPrivate, received.remoteEphemeral);
  const sharedStatic = sharedSecret(ephemeralPrivate, received.remoteStatic);
  if (sharedEphemeral === undefined || sharedStatic === undefined) return undefined;

  const message = new Uint8Array(RESPONSE_BYTES);
  message[0] = MESSAGE_RESPONSE;
  writeUint32LittleEndian(message, RESPONSE.sender, senderIndex);
  writeUint32LittleEndian(message, RESPONSE.receiver, received.remoteIndex);
  message.set(ephemeralPublic, RESPONSE.ephemeral);

  const { ck, key, h } = mixResponse(
    received.chainingKey,
    received.hash,
    ephemeralPublic,
    sharedEphemeral,
    sharedStatic,
    presharedKey,
  );
  message.set(sealOnce(key, EMPTY, h), RESPONSE.sealedEmpty);
  message.set(mac(remoteMac1Key, message.subarray(0, RESPONSE.mac1)), RESPONSE.mac1);
  const [receiveKey, sendKey] = kdf(2, ck, EMPTY) as [Uint8Array, Uint8Array];
  return { message, keys: { sendKey, receiveKey, remoteIndex: received.remoteIndex } };
}

/** Opens the response to `pending`. @returns undefined unless it is intact and made with the same pre-shared key */
export function openResponse(
  message: Uint8Array,
  pending: PendingInitiation,
  staticPrivate: Key,
  presharedKey: Key | undefined,
): TransportKeys | undefined {
  const remoteEphemeral = message.slice(RESPONSE.ephemeral, RESPONSE.ephemeral + 32);
  const sharedEphemeral = sharedSecret(pending.ephemeralPrivate, remoteEphemeral);
  const sharedStatic = sharedSecret(staticPrivate, remoteEphemeral);
  if (sharedEphemeral === undefined || sharedStatic === undefined) return undefined;
  const { ck, key, h } = mixResponse(
    pending.chainingKey,
    pending.hash,
    remoteEphemeral,
    sharedEphemeral,
    sharedStatic,
    presharedKey,
  );
  if (openOnce(key, message.subarray(RESPONSE.sealedEmpty, RESPONSE.mac1), h) === undefined) return undefined;
  const [sendKey, receiveKey] = kdf(2, ck, EMPTY) as [Uint8Array, Uint8Array];
  return { sendKey, receiveKey, remoteIndex: readUint32LittleEndian(message, RESPONSE.sender) };
}

function mixResponse(
  chainingKey: Uint8Array,
  initiationHash: Uint8Array,
  responderEphemeral: Uint8Array,
  sharedEphemeral: Uint8Array,
  sharedStatic: Uint8Array,
  presharedKey: Key | undefined,
): { ck: Uint8Array; key: Uint8Array; h: Uint8Array } {
  let h = hash(initiationHash, responderEphemeral);
  let [ck] = kdf(1, chainingKey, responderEphemeral) as [Uint8Array];
  [ck] = kdf(1, ck, sharedEphemeral) as [Uint8Array];
  [ck] = kdf(1, ck, sharedStatic) as [Uint8Array];
  const [nextCk, temporary, key] = kdf(3, ck, presharedKey ?? NO_PSK) as [Uint8Array, Uint8Array, Uint8Array];
  h = hash(h, temporary);
  return { ck: nextCk, key, h };
}
