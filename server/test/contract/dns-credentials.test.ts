import { DnsCredentials } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";
import { CLUSTER } from "../support/rest-server.ts";

const INVALID = [422, "dns_credentials.invalid"] as [number, string];
const at = (path: string) => [...INVALID, path] as [number, string, string];

const key = Buffer.alloc(32, 7).toString("base64");
const rfc2136 = { server: "ns1.example.net", key_name: "acme.", key_secret: key };
const acmeDns = {
  server_url: "https://acme-dns.example.net",
  username: "c36f50e8-4632-44f0",
  password: "htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z",
  subdomain: "8e5700ea-a4bf-41c7",
};
const webhook = { url: "https://hooks.example.net/dns", username: "acme", password: "open sesame" };
const credentials = { domain: CLUSTER, wildcard: true, provider: "rfc2136", rfc2136 };
const viaAcmeDns = (changes: object = {}) => ({
  provider: "acme-dns",
  rfc2136: ABSENT,
  acme_dns: { ...acmeDns, ...changes },
});
const viaWebhook = (changes: object = {}) => ({
  provider: "webhook",
  rfc2136: ABSENT,
  webhook: { ...webhook, ...changes },
});
const fields = {
  domain: "string",
  wildcard: "boolean",
  propagation_seconds: "integer",
  rfc2136: "object",
  "rfc2136.server": "string",
  "rfc2136.key_name": "string",
  "rfc2136.key_algorithm": "string",
  "rfc2136.key_secret": "string",
  "rfc2136.zone": "string",
} as const;

const takes = (field: string, why: string, send: object, gives: object) =>
  accepts(`rfc2136.${field}`, why, { rfc2136: send }, { rfc2136: gives });
const rejects = (field: string, why: string, value: unknown) =>
  refuses(`rfc2136.${field}`, why, { rfc2136: { [field]: value } }, INVALID);

checkFieldTable({
  object: "DNS credentials",
  section: "ours",
  collection: "/reverse-proxies/dns-credentials",
  post: credentials,
  put: credentials,
  fields: { post: fields, put: fields },
  answer: DnsCredentials,
  async prepare(server) {
    await server.connectProxy();
    return {};
  },
  rows: [
    accepts("domain", "lower case", { domain: `Shop.${CLUSTER}` }, { domain: `shop.${CLUSTER}` }),
    accepts("domain", "above a domain of the account", { domain: "example.net" }, { domain: "example.net" }),
    refuses("domain", "a wildcard", { domain: `*.${CLUSTER}` }, INVALID),
    refuses("domain", "absent", { domain: ABSENT }, INVALID),
    refuses("domain", "somebody else's", { domain: "example.org" }, INVALID),
    accepts("wildcard", "as sent", { wildcard: false }, { wildcard: false }),
    accepts("wildcard", "absent is false", { wildcard: ABSENT }, { wildcard: false }),
    refuses("provider", "absent", { provider: ABSENT }, INVALID),
    refuses("provider", "unknown", { provider: "route53" }, INVALID),
    accepts("propagation_seconds", "as sent", { propagation_seconds: 300 }, { propagation_seconds: 300 }),
    accepts("propagation_seconds", "absent is 0", {}, { propagation_seconds: 0 }),
    refuses("propagation_seconds", "negative", { propagation_seconds: -1 }, INVALID),
    refuses("propagation_seconds", "too long", { propagation_seconds: 301 }, INVALID),
    refuses("rfc2136", "absent with its provider", { rfc2136: ABSENT }, INVALID),
    refuses("acme_dns", "with another provider", { acme_dns: acmeDns }, INVALID),
    refuses("webhook", "with another provider", { webhook }, INVALID),
    takes("server", "a name", {}, { server: "ns1.example.net" }),
    takes("server", "with a port", { server: "192.0.2.1:5353" }, { server: "192.0.2.1:5353" }),
    takes("server", "IPv6 with a port", { server: "[2001:db8::1]:53" }, { server: "[2001:db8::1]:53" }),
    rejects("server", "empty", ""),
    rejects("server", "a port that is none", "192.0.2.1:99999"),
    rejects("server", "an address with a scheme", "udp://192.0.2.1"),
    takes("key_name", "without the dot", {}, { key_name: "acme" }),
    rejects("key_name", "with spaces", "my key"),
    rejects("key_name", "empty", ""),
    takes("key_algorithm", "absent", {}, { key_algorithm: "hmac-sha256" }),
    takes("key_algorithm", "as sent", { key_algorithm: "hmac-sha512" }, { key_algorithm: "hmac-sha512" }),
    rejects("key_algorithm", "too weak", "hmac-md5"),
    takes("key_secret", "never shown", {}, { key_secret: ABSENT }),
    rejects("key_secret", "not base64", "hello!"),
    rejects("key_secret", "too short", "aGVsbG8="),
    refuses(
      "rfc2136.key_secret",
      "absent",
      { rfc2136: { key_secret: ABSENT } },
      at("rfc2136.key_secret"),
      "POST",
    ),
    accepts(
      "rfc2136.key_secret",
      "absent keeps the stored one",
      { rfc2136: { key_secret: ABSENT } },
      {},
      "PUT",
    ),
    takes("zone", "as sent", { zone: "Example.NET." }, { zone: "example.net" }),
    takes("zone", "absent", {}, { zone: ABSENT }),
    rejects("zone", "no name", "-"),
    accepts("acme_dns", "without its password", viaAcmeDns(), {
      provider: "acme-dns",
      acme_dns: { ...acmeDns, password: ABSENT },
      rfc2136: ABSENT,
    }),
    refuses("acme_dns.server_url", "no URL", viaAcmeDns({ server_url: "acme-dns" }), INVALID),
    refuses("acme_dns.server_url", "a file", viaAcmeDns({ server_url: "file:///etc/passwd" }), INVALID),
    refuses("acme_dns.server_url", "with a user", viaAcmeDns({ server_url: "https://a:b@x.test" }), INVALID),
    refuses("acme_dns.username", "absent", viaAcmeDns({ username: ABSENT }), INVALID),
    refuses("acme_dns.username", "with a line break", viaAcmeDns({ username: "a\r\nX: y" }), INVALID),
    refuses("acme_dns.password", "absent", viaAcmeDns({ password: ABSENT }), INVALID),
    refuses("acme_dns.password", "with a line break", viaAcmeDns({ password: "a\nb" }), INVALID),
    refuses("acme_dns.subdomain", "a whole name", viaAcmeDns({ subdomain: "a.example.net" }), INVALID),
    accepts("webhook", "without its password", viaWebhook(), {
      provider: "webhook",
      webhook: { ...webhook, password: ABSENT },
    }),
    accepts("webhook", "without credentials", viaWebhook({ username: ABSENT, password: ABSENT }), {
      webhook: { url: webhook.url },
    }),
    refuses("webhook.url", "absent", viaWebhook({ url: ABSENT }), INVALID),
    refuses("webhook.url", "with a query", viaWebhook({ url: "https://x.test/?token=1" }), INVALID),
    refuses("webhook.username", "with a colon", viaWebhook({ username: "a:b" }), INVALID),
    refuses("webhook.username", "absent, with a password", viaWebhook({ username: ABSENT }), INVALID),
    refuses("webhook.password", "absent, with a user name", viaWebhook({ password: ABSENT }), INVALID),
  ],
});
