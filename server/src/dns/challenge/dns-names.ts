import dnsPacket from "dns-packet";

/** The part of dns-packet that its types leave out. */
interface NameCodec {
  encode(name: string): Buffer;
  decode: ((bytes: Buffer, offset: number) => string) & { bytes: number };
}

const codec = (dnsPacket as unknown as { name: NameCodec }).name;

/** Uncompressed and in lower case, as signatures want names (RFC 4034 §6.2). */
export function canonicalName(name: string): Buffer {
  return codec.encode(name.toLowerCase());
}

/** @throws Error when there is no name at the offset */
export function readName(bytes: Buffer, offset: number): { name: string; end: number } {
  const name = codec.decode(bytes, offset);
  return { name: name.toLowerCase(), end: offset + codec.decode.bytes };
}
