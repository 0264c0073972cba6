import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

// NetBird's API has no such object; all of this is ours.

export const CertificateRequest = Type.Object(
  {
    name: Type.String({ default: "", description: "1 to 255 characters, for people." }),
    certificate_chain: Type.String({
      default: "",
      description: "PEM: the certificate, then the intermediates, each signed by the one after it.",
    }),
    private_key: Type.Optional(
      Type.String({
        description:
          "PEM, RSA or ECDSA, not encrypted. Never shown. Absent or empty on update keeps the stored one.",
      }),
    ),
  },
  { title: "CertificateRequest" },
);
export type CertificateRequest = Static<typeof CertificateRequest>;

export const Certificate = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    certificate_chain: Type.String({ description: "As it was sent." }),
    domains: Type.Array(Type.String(), { description: "DNS names of the certificate, lower case." }),
    not_before: Timestamp,
    not_after: Timestamp,
    serial: Type.String({ description: "Hex, lower case." }),
    fingerprint: Type.String({ description: "SHA-256 of the certificate, hex, lower case." }),
    issuer: Type.String({ description: "Distinguished name, one line." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { title: "Certificate" },
);
export type Certificate = Static<typeof Certificate>;
