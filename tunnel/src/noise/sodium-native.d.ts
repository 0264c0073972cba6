/** The few functions of sodium-native that the tunnel uses; the package ships no types. All throw on bad lengths. */
declare module "sodium-native" {
  interface SodiumNative {
    /** In place allowed. @returns ciphertext length */
    crypto_aead_chacha20poly1305_ietf_encrypt(
      ciphertext: Uint8Array,
      message: Uint8Array,
      ad: Uint8Array | null,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    /** In place allowed. Throws when the tag does not match. */
    crypto_aead_chacha20poly1305_ietf_decrypt(
      message: Uint8Array,
      secretNonce: null,
      ciphertext: Uint8Array,
      ad: Uint8Array | null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      ciphertext: Uint8Array,
      message: Uint8Array,
      ad: Uint8Array | null,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      message: Uint8Array,
      secretNonce: null,
      ciphertext: Uint8Array,
      ad: Uint8Array | null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    /** Throws when the result is all zero. */
    crypto_scalarmult(result: Uint8Array, scalar: Uint8Array, point: Uint8Array): void;
    crypto_scalarmult_base(result: Uint8Array, scalar: Uint8Array): void;
    sodium_memzero(secret: Uint8Array): void;
  }
  const sodium: SodiumNative;
  export default sodium;
}
