import { X509Certificate } from "node:crypto";

const MAX_CHARACTERS = 64 * 1024;
const MAX_CERTIFICATES = 20;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Whether a text holds the certificates of authorities that can sign client certificates (RFC 5280 §4.2.1.9).
 *
 * @param pem one or several PEM blocks
 * @returns what is wrong with it
 */
export function clientAuthoritiesProblem(pem: string): string | undefined {
  if (pem.length > MAX_CHARACTERS) return `it has more than ${MAX_CHARACTERS} characters`;
  // It would be shown to everybody who may read.
  if (pem.includes("PRIVATE KEY")) return "it holds a private key; send the certificates only";
  const blocks = [...pem.matchAll(BLOCK)];
  if (blocks.length === 0) return "it holds no PEM certificate";
  if (blocks.length > MAX_CERTIFICATES) return `it holds more than ${MAX_CERTIFICATES} certificates`;
  for (const [index, [block, label]] of blocks.entries()) {
    const which = `PEM block ${index + 1}`;
    if (label !== "CERTIFICATE") return `${which} is ${label}, not CERTIFICATE`;
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(block);
    } catch {
      return `${which} is no X.509 certificate`;
    }
    if (!certificate.ca)
      return `${which} is not of an authority: it says CA:FALSE, and could sign no certificate`;
  }
  return undefined;
}
