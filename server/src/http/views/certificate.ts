import type { Certificate } from "@netbird-proxy/proto/rest";
import type { UploadedCertificate } from "../../store/uploaded-certificates.ts";
import { timestamp } from "./timestamp.ts";

/** The key is never part of an answer. */
export function viewCertificate(certificate: UploadedCertificate): Certificate {
  return {
    id: certificate.id,
    name: certificate.name,
    certificate_chain: certificate.certificateChain,
    domains: certificate.domains,
    not_before: timestamp(certificate.notBefore),
    not_after: timestamp(certificate.notAfter),
    serial: certificate.serial,
    fingerprint: certificate.fingerprint,
    issuer: certificate.issuer,
    created_at: timestamp(certificate.createdAt),
    updated_at: timestamp(certificate.updatedAt),
  };
}
