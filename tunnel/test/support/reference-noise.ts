import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from "node:crypto";

/**
 * The handshake of the WireGuard paper (§5.4.2, §5.4.3) written down a second time, line by line, on OpenSSL's primitives
 * through node:crypto. It shares no code with src/noise, which uses libsodium and noble, and exists to check it.
 */

const EMPTY = Buffer.alloc(0);
const HASH = (...parts: Uint8Array[]) => createHash("blake2s256").update(Buffer.concat(parts)).digest();
const HMAC = (key: Uint8Array, input: Uint8Array) => createHmac("blake2s256", key).update(input).digest();

function KDF(n: number, key: Uint8Array, input: Uint8Array): Buffer[] {
  const t0 = HMAC(key, input);
  const out: Buffer[] = [];
  for (let i = 1; i <= n; i += 1) out.push(HMAC(t0, Buffer.concat([out[i - 2] ?? EMPTY, Buffer.from([i])])));
  return out;
}

const privateDer = (raw: Uint8Array) =>
  Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw]);
const publicDer = (raw: Uint8Array) => Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), raw]);
const privateKey = (raw: Uint8Array) =>
  createPrivateKey({ key: privateDer(raw), format: "der", type: "pkcs8" });

export function DH_PUB(raw: Uint8Array): Buffer {
  const der = createPublicKey(privateKey(raw)).export({ format: "der", type: "spki" });
  return der.subarray(12);
}

const DH = (privateRaw: Uint8Array, publicRaw: Uint8Array) =>
  diffieHellman({
    privateKey: privateKey(privateRaw),
    publicKey: createPublicKey({ key: publicDer(publicRaw), format: "der", type: "spki" }),
  });

export function AEAD(key: Uint8Array, counter: number, plain: Uint8Array, ad: Uint8Array): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(ad, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function AEAD_OPEN(key: Uint8Array, counter: number, sealed: Uint8Array, ad: Uint8Array): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  decipher.setAAD(ad, { plaintextLength: sealed.length - 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/**
 * Keyed BLAKE2s with a 16-byte digest, from RFC 7693 §3.2 and its appendix: OpenSSL has no way to ask for it. The message
 * must fit the few blocks a handshake needs.
 */
export function MAC(key: Uint8Array, message: Uint8Array): Buffer {
  const iv = Uint32Array.of(
    0x6a09e667,
    0xbb67ae85,
    0x3c6ef372,
    0xa54ff53a,
    0x510e527f,
    0x9b05688c,
    0x1f83d9ab,
    0x5be0cd19,
  );
  const sigma = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
  ];
  const h = Uint32Array.from(iv);
  h[0]! ^= 0x01010000 ^ (key.length << 8) ^ 16;
  const block0 = Buffer.alloc(64);
  block0.set(key);
  const padded = Buffer.concat([block0, message, Buffer.alloc((64 - (message.length % 64)) % 64)]);
  const total = 64 + message.length;
  const blocks = padded.length / 64;
  for (let block = 0; block < blocks; block += 1) {
    const last = block === blocks - 1;
    const counter = last ? total : (block + 1) * 64;
    const v = Uint32Array.of(...h, ...iv);
    v[12]! ^= counter;
    if (last) v[14] = ~v[14]!;
    const m = Array.from({ length: 16 }, (_, i) => padded.readUInt32LE(block * 64 + i * 4));
    const rotate = (x: number, n: number) => ((x >>> n) | (x << (32 - n))) >>> 0;
    const G = (a: number, b: number, c: number, d: number, x: number, y: number) => {
      v[a] = v[a]! + v[b]! + x;
      v[d] = rotate(v[d]! ^ v[a]!, 16);
      v[c] = v[c]! + v[d]!;
      v[b] = rotate(v[b]! ^ v[c]!, 12);
      v[a] = v[a]! + v[b]! + y;
      v[d] = rotate(v[d]! ^ v[a]!, 8);
      v[c] = v[c]! + v[d]!;
      v[b] = rotate(v[b]! ^ v[c]!, 7);
    };
    for (const s of sigma) {
      G(0, 4, 8, 12, m[s[0]!]!, m[s[1]!]!);
      G(1, 5, 9, 13, m[s[2]!]!, m[s[3]!]!);
      G(2, 6, 10, 14, m[s[4]!]!, m[s[5]!]!);
      G(3, 7, 11, 15, m[s[6]!]!, m[s[7]!]!);
      G(0, 5, 10, 15, m[s[8]!]!, m[s[9]!]!);
      G(1, 6, 11, 12, m[s[10]!]!, m[s[11]!]!);
      G(2, 7, 8, 13, m[s[12]!]!, m[s[13]!]!);
      G(3, 4, 9, 14, m[s[14]!]!, m[s[15]!]!);
    }
    for (let i = 0; i < 8; i += 1) h[i]! ^= v[i]! ^ v[i + 8]!;
  }
  const digest = Buffer.alloc(32);
  h.forEach((word, i) => {
    digest.writeUInt32LE(word, i * 4);
  });
  return digest.subarray(0, 16);
}

export interface HandshakeInput {
  staticPrivateInitiator: Uint8Array;
  staticPrivateResponder: Uint8Array;
  ephemeralPrivateInitiator: Uint8Array;
  ephemeralPrivateResponder: Uint8Array;
  presharedKey: Uint8Array;
  timestamp: Uint8Array;
  indexInitiator: number;
  indexResponder: number;
}

/** Both messages (mac2 zero) and the transport keys of a handshake. */
export function referenceHandshake(input: HandshakeInput) {
  const Si = input.staticPrivateInitiator;
  const Ei = input.ephemeralPrivateInitiator;
  const Er = input.ephemeralPrivateResponder;
  const SpubI = DH_PUB(Si);
  const SpubR = DH_PUB(input.staticPrivateResponder);
  const EpubI = DH_PUB(Ei);
  const EpubR = DH_PUB(Er);
  const le32 = (n: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(n);
    return bytes;
  };

  let C: Buffer = HASH(Buffer.from("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
  let H: Buffer = HASH(C, Buffer.from("WireGuard v1 zx2c4 Jason@zx2c4.com"));
  H = HASH(H, SpubR);
  C = KDF(1, C, EpubI)[0]!;
  H = HASH(H, EpubI);
  let k: Buffer;
  [C, k] = KDF(2, C, DH(Ei, SpubR)) as [Buffer, Buffer];
  const sealedStatic = AEAD(k, 0, SpubI, H);
  H = HASH(H, sealedStatic);
  [C, k] = KDF(2, C, DH(Si, SpubR)) as [Buffer, Buffer];
  const sealedTimestamp = AEAD(k, 0, input.timestamp, H);
  H = HASH(H, sealedTimestamp);
  const first = Buffer.concat([
    Buffer.from([1, 0, 0, 0]),
    le32(input.indexInitiator),
    EpubI,
    sealedStatic,
    sealedTimestamp,
  ]);
  const initiation = Buffer.concat([
    first,
    MAC(HASH(Buffer.from("mac1----"), SpubR), first),
    Buffer.alloc(16),
  ]);

  C = KDF(1, C, EpubR)[0]!;
  H = HASH(H, EpubR);
  C = KDF(1, C, DH(Er, EpubI))[0]!;
  C = KDF(1, C, DH(Er, SpubI))[0]!;
  const [Cr, t, kr] = KDF(3, C, input.presharedKey) as [Buffer, Buffer, Buffer];
  H = HASH(H, t);
  const sealedEmpty = AEAD(kr, 0, EMPTY, H);
  const second = Buffer.concat([
    Buffer.from([2, 0, 0, 0]),
    le32(input.indexResponder),
    le32(input.indexInitiator),
    EpubR,
    sealedEmpty,
  ]);
  const response = Buffer.concat([
    second,
    MAC(HASH(Buffer.from("mac1----"), SpubI), second),
    Buffer.alloc(16),
  ]);
  const [initiatorSends, responderSends] = KDF(2, Cr, EMPTY) as [Buffer, Buffer];
  return { initiation, response, initiatorSends, responderSends };
}
