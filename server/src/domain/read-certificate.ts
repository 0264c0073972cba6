import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";

/** What a certificate says about itself. */
export interface CertificateFacts {
  /** DNS names, lower case. */
  domains: string[];
  notBefore: number;
  notAfter: number;
  /** Hex, lower case. */
  serial: string;
  /** SHA-256, hex, lower case. */
  fingerprint: string;
  /** Distinguished name, one line. */
  issuer: string;
}

const MAX_CHARACTERS = 64 * 1024;
const MAX_CERTIFICATES = 10;
const MIN_RSA_BITS = 2048;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

function invalid(path: string, message: string, hint?: string): never {
  throw new AppError("certificate.invalid", message, { path, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Reads a chain and its key, and refuses what no client would accept: a broken order, an expired certificate, a key that
 * belongs to another one. A certificate that becomes valid later is fine; proxies wait with it.
 *
 * @param privateKey PEM
 * @throws AppError `certificate.invalid` with the field
 */
export function readCertificate(chain: string, privateKey: string, nowMs: number): CertificateFacts {
  const certificates = readChain(chain);
  const [leaf] = certificates as [X509Certificate, ...X509Certificate[]];
  const key = readKey(privateKey);
  if (!leaf.checkPrivateKey(key)) {
    const owner = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
    if (owner > 0) {
      invalid(
        "certificate_chain",
        `private_key belongs to certificate ${owner + 1} of the chain, not to the first`,
        "Put the server's own certificate first, then the intermediates.",
      );
    }
    invalid(
      "private_key",
      "the key does not belong to the certificate",
      "Send the key that the certificate was requested with.",
    );
  }
  checkOrder(certificates);
  for (const [index, { validTo }] of certificates.entries()) {
    if (Date.parse(validTo) > nowMs) continue;
    const which = index === 0 ? "the certificate" : `certificate ${index + 1} of the chain`;
    invalid("certificate_chain", `${which} expired at ${new Date(validTo).toISOString()}`, "Renew it first.");
  }
  const domains = dnsNames(leaf);
  if (domains.length === 0) {
    invalid(
      "certificate_chain",
      "the certificate has no DNS name as subject alternative name",
      "Clients ignore the common name; request the certificate with subject alternative names.",
    );
  }
  return {
    domains,
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    serial: leaf.serialNumber.toLowerCase(),
    fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
    issuer: leaf.issuer.split("\n").join(", "),
  };
}

function readChain(chain: string): X509Certificate[] {
  const path = "certificate_chain";
  if (chain.trim() === "") invalid(path, "certificate_chain is required");
  if (chain.length > MAX_CHARACTERS)
    invalid(path, `certificate_chain has more than ${MAX_CHARACTERS} characters`);
  const blocks = [...chain.matchAll(BLOCK)];
  // It would be shown to everybody who may read.
  if (chain.includes("PRIVATE KEY")) {
    invalid(path, "certificate_chain holds a private key", "Send the key in private_key only.");
  }
  if (blocks.length === 0) invalid(path, "certificate_chain holds no PEM certificate");
  if (blocks.length > MAX_CERTIFICATES) invalid(path, `more than ${MAX_CERTIFICATES} certificates`);
  return blocks.map(([pem, label], index) => {
    if (label !== "CERTIFICATE") invalid(path, `PEM block ${index + 1} is ${label}, not CERTIFICATE`);
    try {
      return new X509Certificate(pem);
    } catch {
      return invalid(path, `PEM block ${index + 1} is no X.509 certificate`);
    }
  });
}

function readKey(pem: string): KeyObject {
  const path = "private_key";
  if (pem.trim() === "") invalid(path, "private_key is required");
  if (pem.length > MAX_CHARACTERS) invalid(path, `private_key has more than ${MAX_CHARACTERS} characters`);
  if (/ENCRYPTED/.test(pem)) {
    invalid(path, "the key is encrypted", "Decrypt it first: openssl pkey -in key.pem -out plain.pem");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Not the library's words: they might repeat part of the key.
    return invalid(path, "private_key is no PEM private key");
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== "rsa" && type !== "ec") {
    invalid(path, `browsers take no keys of type ${type}`, "Use an ECDSA (P-256) or RSA key.");
  }
  if (type === "rsa" && (details?.modulusLength ?? 0) < MIN_RSA_BITS) {
    invalid(
      path,
      `an RSA key of ${details?.modulusLength} bits is too short`,
      `Use at least ${MIN_RSA_BITS} bits.`,
    );
  }
  return key;
}

/** Clients build the path from what they are sent; many take it in this order only (RFC 5246 §7.4.2). */
function checkOrder(certificates: readonly X509Certificate[]): void {
  for (let at = 1; at < certificates.length; at++) {
    const [before, after] = [certificates[at - 1]!, certificates[at]!];
    if (before.checkIssued(after) && before.verify(after.publicKey)) continue;
    invalid(
      "certificate_chain",
      `certificate ${at} of the chain is not signed by certificate ${at + 1}`,
      "Order the chain from the server's certificate up, each followed by its issuer.",
    );
  }
}

function dnsNames(leaf: X509Certificate): string[] {
  const names = (leaf.subjectAltName ?? "")
    .split(", ")
    .flatMap((part) => (part.startsWith("DNS:") ? [part.slice(4).toLowerCase()] : []));
  return [...new Set(names)];
}
