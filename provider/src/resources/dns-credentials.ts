import type { DnsCredentials } from "../client/api-types.ts";
import { equalValues } from "../convert/compare.ts";
import { isUnknown, type Value } from "../convert/value.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, integer, nested, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween, oneOf } from "../framework/validators.ts";
import { isGiven } from "./given.ts";
import type { RequestParts, RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const kept = { computed: true, modifiers: [useStateForUnknown()] };
const required = (description: string) =>
  text({ description, required: true, validators: [bytesBetween(1, 512)] });

/** A secret under its name: write-only, for older Terraform, and the number that sends it anew. */
function secret<N extends string>(name: N, what: string) {
  return {
    [`${name}_wo`]: text({
      description: `${what}, write-only: it never reaches plan or state. Needs Terraform 1.11.`,
      optional: true,
      sensitive: true,
      writeOnly: true,
    }),
    [name]: text({
      description: `${what}, for Terraform before 1.11. It is stored in the state.`,
      optional: true,
      sensitive: true,
      clientOnly: true,
    }),
    version: integer({
      description: `Change it to send a new \`${name}_wo\`: Terraform cannot see that a write-only value changed.`,
      optional: true,
      clientOnly: true,
    }),
  } as Record<`${N}_wo` | N, ReturnType<typeof text>> & { version: ReturnType<typeof integer> };
}

const methods = {
  rfc2136: nested(
    {
      server: required("The zone's primary: host, or host:port."),
      key_name: required("Name of the TSIG key."),
      key_algorithm: text({
        description: "`hmac-sha256`, `hmac-sha384` or `hmac-sha512`. Defaults to `hmac-sha256`.",
        default: "hmac-sha256",
        validators: [oneOf("hmac-sha256", "hmac-sha384", "hmac-sha512")],
      }),
      zone: text({ description: "Without it, the server is asked.", optional: true }),
      ...secret("key_secret", "Secret of the TSIG key, base64"),
    },
    { description: "Dynamic updates of the zone, signed with TSIG.", optional: true, presence: true },
  ),
  acme_dns: nested(
    {
      server_url: required("Address of the acme-dns server."),
      username: required("As registration gave it out."),
      subdomain: required("As registration gave it out."),
      ...secret("password", "Password, as registration gave it out"),
    },
    { description: "An acme-dns server.", optional: true, presence: true },
  ),
  webhook: nested(
    {
      url: required("`<url>/present` and `<url>/cleanup` are called with `fqdn` and `value`."),
      username: text({ description: "Without it, nothing proves who calls.", optional: true }),
      ...secret("password", "Password that goes with `username`"),
    },
    { description: "A service of your own that writes records.", optional: true, presence: true },
  ),
};

export const dnsCredentialsAttributes = {
  id: text({ description: "Id of the credentials.", ...kept }),
  domain: text({
    description: "For services at this domain, and at names under it.",
    required: true,
    validators: [bytesBetween(1, 253)],
    sameMeaning: (a, b) => a.toLowerCase() === b.toLowerCase(),
  }),
  wildcard: flag({
    description:
      "One certificate for `*.<parent>` serves all services one level below. Defaults to false: one for each name.",
    default: false,
  }),
  propagation_seconds: integer({
    description: "How long to wait after a record was written, 0 to 300. Defaults to 0.",
    default: 0,
    validators: [integerBetween(0, 300)],
  }),
  ...methods,
  last_used_at: text({ description: "When they were used last, RFC 3339; null when never.", ...kept }),
  last_error: text({ description: "Why the latest use failed; null when it did not.", ...kept }),
  created_at: text({ description: "When they were made, RFC 3339.", ...kept }),
  updated_at: text({ description: "When they were changed last, RFC 3339.", computed: true }),
};

type Attributes = typeof dnsCredentialsAttributes;
type Method = keyof typeof methods;

const methodNames = Object.keys(methods) as Method[];
/** As the API spells the choice, and the secret of each. */
const choices = {
  rfc2136: { provider: "rfc2136", secret: "key_secret" },
  acme_dns: { provider: "acme-dns", secret: "password" },
  webhook: { provider: "webhook", secret: "password" },
} as const;

function body({ plan, config, state }: RequestParts<Attributes>) {
  const method = methodNames.find((name) => plan[name] !== null)!;
  const planned = plan[method] as unknown as Record<string, Value>;
  const configured = config[method] as unknown as Record<string, Value>;
  const { provider, secret: name } = choices[method];
  const settings: Record<string, Value> = {};
  for (const [setting, value] of Object.entries(planned))
    if (value !== null && setting !== "version" && !setting.startsWith(name)) settings[setting] = value;
  // The server keeps a secret only for the place it was given for, so that any change of the place sends it again.
  const stored = (state?.[method] ?? null) as Value;
  const value = configured[`${name}_wo`] ?? planned[name] ?? null;
  if (value !== null && !equalValues(methods[method].type, stored, planned as Value)) settings[name] = value;
  return {
    domain: plan.domain,
    wildcard: plan.wildcard,
    propagation_seconds: plan.propagation_seconds,
    provider,
    [method]: settings,
  };
}

export const dnsCredentialsKind: RestKind<Attributes, DnsCredentials> = {
  typeName: "netbird_dns_credentials",
  what: "set of DNS credentials",
  description:
    "Access to a DNS zone, with which certificates are ordered by dns-01: wildcards, and names without port 80.",
  attributes: dnsCredentialsAttributes,
  collection: () => "/reverse-proxies/dns-credentials",
  names: { domain: ({ domain }) => domain },
  createBody: body,
  updateBody: body,
  // The custom domain that is missing may be one that this apply adds first.
  maySettle: ({ path }, { plan }, { domains }) =>
    path === "domain" && domains.isUnderPlannedCustomDomain(String(plan.domain)),
  told: (found) => ({
    id: found.id,
    domain: found.domain,
    wildcard: found.wildcard,
    propagation_seconds: found.propagation_seconds,
    rfc2136:
      found.rfc2136 === undefined
        ? null
        : {
            server: found.rfc2136.server,
            key_name: found.rfc2136.key_name,
            key_algorithm: found.rfc2136.key_algorithm || "hmac-sha256",
            zone: found.rfc2136.zone ?? null,
          },
    acme_dns: found.acme_dns ?? null,
    webhook:
      found.webhook === undefined
        ? null
        : { url: found.webhook.url, username: found.webhook.username ?? null },
    last_used_at: found.last_used_at ?? null,
    last_error: found.last_error ?? null,
    created_at: found.created_at,
    updated_at: found.updated_at,
  }),
};

export const dnsCredentials = restResource(dnsCredentialsKind, {
  validate(config, diagnostics) {
    const given = methodNames.filter((name) => isGiven(config[name]));
    const none = methodNames.every((name) => config[name] === null);
    if (none || given.length > 1)
      diagnostics.error(
        none ? [] : [given[1]!],
        "Exactly one way to write records is needed",
        `Give one of ${methodNames.map((name) => `\`${name}\``).join(", ")}.`,
      );
    for (const method of given) {
      const one = config[method];
      if (one === null || isUnknown(one)) continue;
      const { secret: name } = choices[method];
      const values = one as unknown as Record<string, Value>;
      if (isGiven(values[name]) && isGiven(values[`${name}_wo`]))
        diagnostics.error(
          [method, name],
          "Two answers to one question",
          `Give either \`${name}_wo\` or \`${name}\`.`,
        );
    }
  },

  attributeOf(field) {
    const [first = "", second] = field.split(".");
    if (first in methods) {
      const method = first as Method;
      if (second === undefined) return [method];
      return [method, second === choices[method].secret ? `${second}_wo` : second];
    }
    return Object.hasOwn(dnsCredentialsAttributes, first) ? [first] : undefined;
  },
});
