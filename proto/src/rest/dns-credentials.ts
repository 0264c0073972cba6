import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

// NetBird's API has no such object; all of this is ours.

export const dnsProviders = ["rfc2136", "acme-dns", "webhook"] as const;

const rfc2136 = {
  server: Type.String({ default: "", description: "The zone's primary: host, or host:port." }),
  key_name: Type.String({ default: "", description: "Of the TSIG key." }),
  key_algorithm: Type.Optional(
    Type.String({ description: "hmac-sha256 (default), hmac-sha384 or hmac-sha512." }),
  ),
  zone: Type.Optional(Type.String({ description: "Absent or empty: the server is asked." })),
};
const acmeDns = {
  server_url: Type.String({ default: "", description: "Such as https://acme-dns.example.com." }),
  username: Type.String({ default: "" }),
  subdomain: Type.String({ default: "", description: "As registration gave it out." }),
};
const webhook = {
  url: Type.String({
    default: "",
    description: "POST <url>/present and <url>/cleanup get {fqdn, value}, as lego's httpreq has it.",
  }),
  username: Type.Optional(Type.String({ description: "Absent or empty: no Authorization header." })),
};
const secret = (what: string) =>
  Type.Optional(
    Type.String({
      description: `${what} Never shown. Absent or empty on update keeps the stored one.`,
    }),
  );

const common = {
  domain: Type.String({ default: "", description: "For its services and those of names under it." }),
  wildcard: Type.Boolean({
    default: false,
    description:
      "true: one certificate for *.<parent> serves all services one level below; false: one for each name.",
  }),
  provider: Type.Enum([...dnsProviders]),
  propagation_seconds: Type.Integer({
    default: 0,
    description: "0 to 300: waited after a record was written.",
  }),
};

export const DnsCredentialsRequest = Type.Object(
  {
    ...common,
    rfc2136: Type.Optional(Type.Object({ ...rfc2136, key_secret: secret("Base64.") })),
    acme_dns: Type.Optional(Type.Object({ ...acmeDns, password: secret("As registration gave it out.") })),
    webhook: Type.Optional(Type.Object({ ...webhook, password: secret("With username.") })),
  },
  { title: "DnsCredentialsRequest" },
);
export type DnsCredentialsRequest = Static<typeof DnsCredentialsRequest>;

export const DnsCredentials = Type.Object(
  {
    id: Type.String(),
    ...common,
    rfc2136: Type.Optional(Type.Object(rfc2136)),
    acme_dns: Type.Optional(Type.Object(acmeDns)),
    webhook: Type.Optional(Type.Object(webhook)),
    last_used_at: Type.Optional(Timestamp),
    last_error: Type.Optional(Type.String({ description: "Why the latest use failed." })),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { title: "DnsCredentials" },
);
export type DnsCredentials = Static<typeof DnsCredentials>;
