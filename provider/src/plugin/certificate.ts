import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const OID_ECDSA_SHA256 = "06082a8648ce3d040302";
const OID_COMMON_NAME = "0603550403";
const OID_ORGANIZATION = "060355040a";
const OID_SUBJECT_ALT_NAME = "0603551d11";
const OID_BASIC_CONSTRAINTS = "0603551d13";
const OID_KEY_USAGE = "0603551d0f";
const OID_EXTENDED_KEY_USAGE = "0603551d25";
const OID_SERVER_AUTH = "06082b06010505070301";
const OID_CLIENT_AUTH = "06082b06010505070302";

/** A clock that is a little behind ours must not refuse the certificate. */
const BACKDATE_MS = 60_000;
const LIFETIME_MS = 30 * 365 * 86_400_000;

export interface OneUseCertificate {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly certificateDer: Buffer;
}

/**
 * A self-signed P-256 certificate for `localhost`, made for one process (RFC 5280). Node has no X.509 builder, and a
 * package for it would cost more start-up time than the certificate.
 */
export function makeOneUseCertificate(nowMs: number): OneUseCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(
    set(sequence(hex(OID_COMMON_NAME), utf8("localhost"))),
    set(sequence(hex(OID_ORGANIZATION), utf8("NetBird"))),
  );
  const signatureAlgorithm = sequence(hex(OID_ECDSA_SHA256));
  const extensions = sequence(
    // The name decides: Terraform connects to "localhost" and never looks at the common name.
    extension(OID_SUBJECT_ALT_NAME, false, sequence(tlv(0x82, Buffer.from("localhost", "ascii")))),
    extension(OID_BASIC_CONSTRAINTS, true, sequence(tlv(0x01, Buffer.of(0xff)))),
    // digitalSignature, keyEncipherment, keyAgreement, keyCertSign
    extension(OID_KEY_USAGE, true, tlv(0x03, Buffer.of(0x02, 0b10101100))),
    extension(OID_EXTENDED_KEY_USAGE, false, sequence(hex(OID_SERVER_AUTH), hex(OID_CLIENT_AUTH))),
  );
  const tbs = sequence(
    tlv(0xa0, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    signatureAlgorithm,
    name,
    sequence(time(nowMs - BACKDATE_MS), time(nowMs + LIFETIME_MS)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
  const signature = sign("sha256", tbs, privateKey);
  const certificateDer = sequence(
    tbs,
    signatureAlgorithm,
    tlv(0x03, Buffer.concat([Buffer.of(0), signature])),
  );
  return {
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    certificatePem: pem(certificateDer),
    certificateDer,
  };
}

function tlv(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length, ...length), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function set(...parts: Buffer[]): Buffer {
  return tlv(0x31, Buffer.concat(parts));
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function utf8(text: string): Buffer {
  return tlv(0x0c, Buffer.from(text, "utf8"));
}

/** A positive INTEGER: without leading zeros, except the one that keeps the sign bit clear. */
function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  return tlv(0x02, trimmed[0]! & 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed);
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  const isUtc = Number(digits.slice(0, 4)) < 2050;
  return tlv(isUtc ? 0x17 : 0x18, Buffer.from(isUtc ? digits.slice(2) : digits, "ascii"));
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const parts = [hex(oid)];
  if (critical) parts.push(tlv(0x01, Buffer.of(0xff)));
  return sequence(...parts, tlv(0x04, value));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
