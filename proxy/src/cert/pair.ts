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
  const fingerprint = createHash("sha256").update(certPem).update("\0").update(keyPem).digest("hex");
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
    const context = createSecureContext({ cert: certPem, key: keyPem, minVersion: "TLSv1.2" });
    const pair: Pair = {
      certFile,
      keyFile,
      certPem,
      keyPem,
      leaf,
      context,
      notBeforeMs: Date.parse(leaf.validFrom),
      notAfterMs: Date.parse(leaf.validTo),
      names: dnsNames(leaf),
      fingerprint,
    };
    return { ok: true, pair };
  } catch (error) {
    return problem(
      "certificate.unreadable",
      `${certFile} and ${keyFile}: ${(error as Error).message}`,
      fingerprint,
    );
  }
}

function problem(reason: ReasonCode, message: string, fingerprint: string): LoadedPair {
  return { ok: false, problem: { reason, message, fingerprint } };
}

function dnsNames(leaf: X509Certificate): string[] {
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
