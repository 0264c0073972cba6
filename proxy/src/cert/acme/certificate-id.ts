import type { X509Certificate } from "node:crypto";

const AUTHORITY_KEY_IDENTIFIER = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23]);

/**
 * How a certificate is named when asking for its renewal time: authority key identifier and serial number, base64url.
 * Source: RFC 9773 §4.1.
 *
 * @returns undefined when the certificate does not name its issuer's key
 */
export function certificateId(leaf: X509Certificate): string | undefined {
  const { raw } = leaf;
  const at = raw.indexOf(AUTHORITY_KEY_IDENTIFIER);
  if (at < 0) return undefined;
  // OCTET STRING { SEQUENCE { [0] keyIdentifier } }, each shorter than 128 bytes with a key identifier alone.
  let offset = at + AUTHORITY_KEY_IDENTIFIER.length;
  if (raw[offset] !== 0x04 || raw[offset + 2] !== 0x30 || raw[offset + 4] !== 0x80) return undefined;
  offset += 5;
  const length = raw[offset]!;
  if (length > 127 || offset + 1 + length > raw.length) return undefined;
  const keyIdentifier = raw.subarray(offset + 1, offset + 1 + length);
  const digits = leaf.serialNumber.length % 2 === 0 ? leaf.serialNumber : `0${leaf.serialNumber}`;
  const serial = Buffer.from(digits, "hex");
  // DER: a leading zero keeps the number positive.
  const der = serial[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), serial]) : serial;
  return `${keyIdentifier.toString("base64url")}.${der.toString("base64url")}`;
}
