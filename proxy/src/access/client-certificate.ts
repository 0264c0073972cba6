import { createHash, type X509Certificate } from "node:crypto";
import type { ConnectionInfo } from "../listen/connection-info.ts";
import type { Caller } from "./caller.ts";

/** Whose client certificates a service takes. */
export interface ClientAuthority {
  /** PEM certificates of the authorities. */
  readonly pem: string;
  /** Tells one set of authorities from another. */
  readonly digest: string;
}

/** A client certificate that the handshake found good. */
export interface ClientCertificate {
  readonly notAfterMs: number;
  readonly caller: Caller;
}

export function clientAuthority(pem: string): ClientAuthority {
  return { pem, digest: createHash("sha256").update(pem).digest("base64") };
}

/** Who is behind a certificate whose chain was verified (RFC 5280 §6). */
export function certificateCaller(certificate: X509Certificate): ClientCertificate {
  const commonName = certificate.subject
    .split("\n")
    .find((part) => part.startsWith("CN="))
    ?.slice(3);
  return {
    notAfterMs: Date.parse(certificate.validTo),
    caller: {
      method: "certificate",
      userId: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
      // With a prefix, like a token's: an authority must not be able to name a person of single sign-on.
      user: `certificate:${commonName ?? certificate.serialNumber.toLowerCase()}`,
      groups: [],
    },
  };
}

/** @returns "other-connection" when this one was made before the service asked, or for another service */
export function callerOfCertificate(
  connection: ConnectionInfo,
  authority: ClientAuthority,
  nowMs: number,
): Caller | undefined | "other-connection" {
  if (connection.clientAuthority !== authority.digest) return "other-connection";
  const { clientCertificate } = connection;
  // A connection may outlive the certificate that opened it.
  return clientCertificate !== undefined && clientCertificate.notAfterMs > nowMs
    ? clientCertificate.caller
    : undefined;
}
