import { CLUSTER } from "../../../../server/test/support/rest-server.ts";
import { type DriftCase, type DriftScene, inside } from "../drift-case.ts";

const heredoc = (text: string) => `<<-PEM\n${text.trim()}\nPEM`;
const webhook = { url: "https://dns.example.com", username: "us", password: "secret" };

/** Certificates of one's own, and access to DNS for those of an authority. */
export const certificateScene: DriftScene = {
  name: "certificates",
  cases: ({ certificates: [own, other] }) => [
    {
      type: "netbird_certificate",
      hcl: `
        name              = "shop"
        certificate_chain = ${heredoc(own.certificate)}
        private_key_wo    = ${heredoc(own.key)}`,
      path: ({ id }) => `/reverse-proxies/certificates/${id}`,
      rounds: [
        {
          change: { name: "other", certificate_chain: other.certificate, private_key: other.key },
          drifted: ["name", "certificate_chain"],
        },
      ],
    },
    ...dnsCases,
  ],
};

const dnsPath: DriftCase["path"] = ({ id }) => `/reverse-proxies/dns-credentials/${id}`;

const dnsCases: readonly DriftCase[] = [
  {
    type: "netbird_dns_credentials",
    label: "rfc2136",
    hcl: `
      domain              = "one.${CLUSTER}"
      wildcard            = true
      propagation_seconds = 10
      rfc2136 = {
        server        = "ns1.example.org"
        key_name      = "acme"
        key_algorithm = "hmac-sha512"
        zone          = "example.net"
        key_secret_wo = "c2VjcmV0IG9mIHRoZSBrZXk="
      }`,
    path: dnsPath,
    rounds: [
      {
        change: {
          domain: `two.${CLUSTER}`,
          wildcard: false,
          propagation_seconds: 20,
          rfc2136: {
            server: "ns2.example.org",
            key_name: "other",
            key_algorithm: "hmac-sha384",
            zone: null,
            key_secret: "b3RoZXIgc2VjcmV0IG9mIHRoZSBrZXk=",
          },
        },
        drifted: [
          ...["domain", "wildcard", "propagation_seconds"],
          ...inside("rfc2136", ["server", "key_name", "key_algorithm", "zone"]),
        ],
      },
      {
        change: { provider: "webhook", rfc2136: null, webhook },
        drifted: ["rfc2136 emptied", "webhook added"],
      },
    ],
  },
  {
    type: "netbird_dns_credentials",
    label: "acme_dns",
    hcl: `
      domain   = "three.${CLUSTER}"
      acme_dns = {
        server_url  = "https://acme-dns.example.org"
        username    = "us"
        subdomain   = "d420c923"
        password_wo = "correct-horse"
      }`,
    path: dnsPath,
    rounds: [
      {
        change: {
          acme_dns: {
            server_url: "https://other.example.org",
            username: "them",
            subdomain: "d420c924",
            password: "battery-staple",
          },
        },
        drifted: inside("acme_dns", ["server_url", "username", "subdomain"]),
      },
      {
        change: { provider: "webhook", acme_dns: null, webhook },
        drifted: ["acme_dns emptied", "webhook added"],
      },
    ],
  },
  {
    type: "netbird_dns_credentials",
    label: "webhook",
    hcl: `
      domain  = "four.${CLUSTER}"
      webhook = { url = "https://dns.example.com", username = "us", password_wo = "correct-horse" }`,
    path: dnsPath,
    rounds: [
      {
        change: {
          webhook: { url: "https://other.example.com", username: "them", password: "battery-staple" },
        },
        drifted: inside("webhook", ["url", "username"]),
      },
      {
        change: {
          provider: "acme-dns",
          webhook: null,
          acme_dns: {
            server_url: "https://acme-dns.example.org",
            username: "us",
            subdomain: "d420c923",
            password: "correct-horse",
          },
        },
        drifted: ["webhook emptied", "acme_dns added"],
      },
    ],
  },
];
