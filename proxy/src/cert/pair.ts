import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import type { ReasonCode } from "@netbird-proxy/proto";

/** A certificate chain with its key, checked and ready to be used. */
export interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly leaf: X509Certificate;
  readonly context: SecureContext;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS names of the leaf, lower case. */
  readonly names: readonly string[];
  /** Tells one content of the two files from another. */
  readonly fingerprint: string;
}

export interface PairProblem {
  readonly reason: ReasonCode;
  readonly message: string;
  /** Content that was found bad, so that the same content is not complained about twice. */
  readonly fingerprint: string;
}

export type LoadedPair = { ok: true; pair: Pair } | { ok: false; problem: PairProblem };

/** Reads and checks a pair. Never throws: files that are half written are daily life here. */
export async function loadPair(certFile: string, keyFile: string): Promise<LoadedPair> {
  let certPem: string;
  let keyPem: string;
  try {
    [certPem, keyPem] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return problem(missing ? "certificate.missing" : "certificate.unreadable", (error as Error).message, "");
  }
  const fingerprint = pairFingerprint({ certPem, keyPem });
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certPem);
  } catch {
    return problem(
      "certificate.unreadable",
      `${certFile} does not start with a PEM certificate`,
      fingerprint,
    );
  }
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return problem("certificate.unreadable", `${keyFile} does not hold a PEM private key`, fingerprint);
  }
  if (!matches) {
    return problem(
      "certificate.key_mismatch",
      `the key in ${keyFile} does not belong to the certificate in ${certFile}`,
      fingerprint,
    );
  }
  try {
    const pair = buildPair({ certFile, keyFile, certPem, keyPem, leaf, fingerprint });
    return { ok: true, pair };
  } catch (error) {
    return problem(
      "certificate.unreadable",
      `${certFile} and ${keyFile}: ${(error as Error).message}`,
      fingerprint,
    );
  }
}

/** @throws OpenSSL's error when certificate and key cannot be used */
function buildPair(
  parts: Pick<Pair, "certFile" | "keyFile" | "certPem" | "keyPem" | "leaf" | "fingerprint">,
): Pair {
  const { certPem, keyPem, leaf } = parts;
  return {
    ...parts,
    context: createSecureContext({ cert: certPem, key: keyPem, minVersion: "TLSv1.2" }),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    names: dnsNames(leaf),
  };
}

/**
 * A pair that does not come from files.
 *
 * @param origin stands where a file name would, in messages
 * @throws Error when the two cannot be read or do not belong together
 */
export function makePair(certPem: string, keyPem: string, origin: string): Pair {
  const leaf = new X509Certificate(certPem);
  if (!leaf.checkPrivateKey(createPrivateKey(keyPem)))
    throw new Error(`${origin}: the key belongs to another certificate`);
  const fingerprint = pairFingerprint({ certPem, keyPem });
  return buildPair({ certFile: origin, keyFile: origin, certPem, keyPem, leaf, fingerprint });
}

/** Tells one content from another, whatever white space surrounds it. Says nothing about the key. */
export function pairFingerprint({ certPem, keyPem }: Pick<Pair, "certPem" | "keyPem">): string {
  return createHash("sha256").update(certPem.trim()).update("\0").update(keyPem.trim()).digest("hex");
}

function problem(reason: ReasonCode, message: string, fingerprint: string): LoadedPair {
  return { ok: false, problem: { reason, message, fingerprint } };
}

/** Lower case. */
export function dnsNames(leaf: X509Certificate): string[] {
  const names: string[] = [];
  for (const part of (leaf.subjectAltName ?? "").split(", ")) {
    if (part.startsWith("DNS:")) names.push(part.slice(4).toLowerCase());
  }
  return names;
}

/** Whether the certificate is good for the name; a wildcard stands for exactly one label (RFC 6125 §6.4.3). */
export function covers(pair: Pair, domain: string): boolean {
  if (pair.names.includes(domain)) return true;
  const dot = domain.indexOf(".");
  return dot > 0 && pair.names.includes(`*${domain.slice(dot)}`);
}
