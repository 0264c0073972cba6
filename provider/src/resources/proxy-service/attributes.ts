import { sameDuration } from "../../framework/duration.ts";
import {
  requiresReplace,
  useNonNullStateForUnknown,
  useStateForUnknown,
} from "../../framework/plan-modifiers.ts";
import {
  flag,
  integer,
  listOfText,
  mapOfText,
  nested,
  nestedList,
  nestedMap,
  type PlanOf,
  type Schema,
  type StateOf,
  setOfText,
  type ToldOf,
  text,
} from "../../framework/schema.ts";
import { timeouts } from "../../framework/timeouts.ts";
import {
  bytesBetween,
  duration,
  eachOfSet,
  integerBetween,
  matching,
  notEmpty,
  oneOf,
} from "../../framework/validators.ts";
import { accessRuleAttributes } from "./access-rules.ts";
import { cidr } from "./cidr.ts";

const port = integerBetween(1, 65_535);

export const optionAttributes = {
  skip_tls_verify: flag({
    description: "Accepts any certificate of an `https` target.",
    optional: true,
  }),
  request_timeout: text({
    description:
      "How long the target may take to answer, such as `30s`. In layer 4 modes: to accept a connection.",
    optional: true,
    validators: [duration],
    sameMeaning: sameDuration,
  }),
  session_idle_timeout: text({
    description: "When a silent connection is closed, such as `5m`.",
    optional: true,
    validators: [duration],
    sameMeaning: sameDuration,
  }),
  path_rewrite: text({
    description: "`preserve` sends the path as it came; without it the matched prefix is cut off.",
    optional: true,
    validators: [oneOf("preserve")],
  }),
  custom_headers: mapOfText({
    description: "Headers to set on every request to the target, at most 16.",
    optional: true,
  }),
  proxy_protocol: flag({
    description: "Tells the target the client's address with PROXY protocol v2. Modes `tcp` and `tls`.",
    optional: true,
  }),
  direct_upstream: flag({
    description: "Connects from the proxy's own network, not through the tunnel.",
    optional: true,
  }),
};

const targetAttributes = {
  target_type: text({
    description: "`peer`, `host`, `domain`, `subnet` or `cluster`.",
    required: true,
    validators: [oneOf("peer", "host", "domain", "subnet", "cluster")],
  }),
  target_id: text({
    description: "Id of the peer or network resource; for `cluster` its address.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  port: integer({
    description: "Port of the target. Without it, the default port of the protocol.",
    optional: true,
    validators: [port],
  }),
  host: text({
    description: "Host to reach behind a `subnet` or `cluster` target.",
    optional: true,
    validators: [bytesBetween(1, 255)],
  }),
  enabled: flag({ description: "Whether the target is used. Defaults to true.", default: true }),
  options: nested(optionAttributes, {
    description: "Details of the connection to the target.",
    optional: true,
  }),
};

export const httpTargetAttributes = {
  ...targetAttributes,
  protocol: text({
    description: "`http` or `https`, as the target speaks it. Defaults to `http`.",
    default: "http",
    validators: [oneOf("http", "https")],
  }),
};

const pathTargetAttributes = {
  ...httpTargetAttributes,
  replicas: nestedList(httpTargetAttributes, {
    description:
      "More targets of this path, which share its requests. Those that cannot be reached are left out until they can. Needs our server.",
    optional: true,
    validators: [notEmpty("replica")],
  }),
};

const layer4TargetAttributes = {
  ...targetAttributes,
  protocol: text({
    description: "`tcp` or `udp`. Follows from `mode` when left out.",
    optional: true,
    computed: true,
    validators: [oneOf("tcp", "udp")],
    modifiers: [useNonNullStateForUnknown()],
  }),
};

const secretAttributes = {
  value_wo: text({
    description: "The secret, write-only: it never reaches plan or state. Needs Terraform 1.11.",
    optional: true,
    sensitive: true,
    writeOnly: true,
    validators: [bytesBetween(1, 4096)],
  }),
  value: text({
    description: "The secret, for Terraform before 1.11. It is stored in the state.",
    optional: true,
    sensitive: true,
    clientOnly: true,
    validators: [bytesBetween(1, 4096)],
  }),
  version: integer({
    description: "Change it to send a new `value_wo`: Terraform cannot see that a write-only value changed.",
    optional: true,
    clientOnly: true,
  }),
};

const authAttributes = {
  password: nested(secretAttributes, {
    description: "One password for all visitors.",
    optional: true,
    presence: true,
  }),
  pin: nested(secretAttributes, { description: "One PIN for all visitors.", optional: true, presence: true }),
  sso: nested(
    {
      groups: setOfText({
        description: "Ids of the groups whose members may visit. Without it, every user of the account.",
        optional: true,
      }),
    },
    { description: "Visitors sign in with the identity provider.", optional: true, presence: true },
  ),
  headers: nestedMap(secretAttributes, {
    description: "Secrets that programs send in a header, by the header's name.",
    optional: true,
  }),
  client_certificates: nested(
    {
      ca_certificates: text({
        description: "PEM certificates of the authorities whose client certificates let in.",
        required: true,
        validators: [bytesBetween(1, 65_536)],
      }),
    },
    { description: "Clients show a certificate in the TLS handshake.", optional: true },
  ),
  service_tokens: flag({
    description: "Machines get in with a `netbird_proxy_service_token`.",
    optional: true,
  }),
  share_links: flag({
    description: "Visitors get in with a `netbird_proxy_share_link`.",
    optional: true,
  }),
  identity_token: flag({
    description:
      "Targets get a signed token about the visitor in `X-NetBird-Identity`; keys at `/.netbird/jwks.json`.",
    optional: true,
  }),
  session_length: text({
    description: "How long a session lasts, such as `8h`: 1m to 720h. Without it, a day.",
    optional: true,
    validators: [duration],
    sameMeaning: sameDuration,
  }),
  session_idle_time: text({
    description:
      "A session ends after that long without a request: 1m to `session_length`. Without it, never.",
    optional: true,
    validators: [duration],
    sameMeaning: sameDuration,
  }),
};

export const attributes = {
  id: text({ description: "Id of the service.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the service, for people.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  domain: text({
    description: "Domain name under which visitors reach it.",
    required: true,
    validators: [
      matching(
        /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/,
        "a domain name in lower case, such as shop.example.com",
      ),
    ],
  }),
  mode: text({
    description: "`http`, `tcp`, `udp` or `tls`. Defaults to `http`. A change makes a new service.",
    default: "http",
    validators: [oneOf("http", "tcp", "udp", "tls")],
    modifiers: [requiresReplace()],
  }),
  enabled: flag({ description: "Whether the service is served. Defaults to true.", default: true }),
  public: flag({
    description:
      "Confirms that everyone may reach a service without authentication. Ends the plan's warning.",
    optional: true,
    clientOnly: true,
  }),
  targets: nestedMap(pathTargetAttributes, {
    description: "Where requests go, by path prefix. Mode `http`.",
    optional: true,
    validators: [notEmpty("target")],
  }),
  target: nested(layer4TargetAttributes, {
    description: "Where connections go. Modes `tcp`, `udp` and `tls`.",
    optional: true,
  }),
  listen_port: integer({
    description:
      "Port on the proxy. Needed in mode `tls`, chosen by the server in modes `tcp` and `udp` when left out.",
    optional: true,
    computed: true,
    validators: [port],
    modifiers: [useStateForUnknown()],
  }),
  pass_host_header: flag({
    description: "Sends the visitor's `Host` header to the target. Defaults to false.",
    default: false,
  }),
  rewrite_redirects: flag({
    description: "Rewrites redirects of the target to the service's own address. Defaults to false.",
    default: false,
  }),
  auth: nested(authAttributes, {
    description: "Who may visit: any one of the methods given here is enough. Mode `http`.",
    optional: true,
    presence: true,
  }),
  access_restrictions: nested(
    {
      allowed_cidrs: addresses("Only these networks may connect."),
      blocked_cidrs: addresses("These networks may not connect."),
      allowed_countries: countries("Only these countries may connect"),
      blocked_countries: countries("These countries may not connect"),
      crowdsec_mode: text({
        description: "`off`, `observe` or `enforce`.",
        optional: true,
        validators: [oneOf("off", "enforce", "observe")],
      }),
      cidr_mode: mode("the lists of networks"),
      country_mode: mode("the lists of countries"),
      request_rate: nested(
        {
          per_minute: integer({
            description: "How many requests one address may make in a minute, at each proxy.",
            required: true,
            validators: [integerBetween(1, 1_000_000)],
          }),
          burst: integer({
            description: "How many may come at once. Without it, as many as in a minute.",
            optional: true,
            validators: [integerBetween(1, 1_000_000)],
          }),
          mode: mode("the rate"),
        },
        { description: "Limits requests. Mode `http`. Needs our server.", optional: true },
      ),
    },
    { description: "Where visitors may come from.", optional: true },
  ),
  access_rules: nestedList(accessRuleAttributes, {
    description:
      "What holds for some paths, in order: the first rule that matches decides, and without one the service's usual way does. Mode `http`. Needs our server.",
    optional: true,
    validators: [notEmpty("rule")],
  }),
  private: flag({
    description: "Reachable only from inside the overlay network. Needs `access_groups`. Defaults to false.",
    default: false,
  }),
  access_groups: setOfText({
    description: "Ids of the groups that may reach a private service.",
    optional: true,
  }),
  wait_for_live: flag({
    description: "Waits until the service answers through a proxy before the apply ends. Defaults to true.",
    default: true,
    clientOnly: true,
  }),
  timeouts: timeouts("How long to wait. Creating and updating default to `2m`, deleting to `1m`."),

  url: text({ description: "Where visitors reach it.", computed: true }),
  private_addresses: listOfText({
    description:
      "Of a private service: the overlay addresses of the cluster's proxies, for the DNS records of its domain.",
    computed: true,
  }),
  status: text({
    description:
      "`active`, or why it is not: `pending`, `certificate_pending`, `certificate_failed`, `tunnel_not_created`, `error`.",
    computed: true,
  }),
  status_reason: nested(
    {
      code: text({ description: "Stable code of the reason.", computed: true }),
      message: text({ description: "What is wrong.", computed: true }),
      hint: text({ description: "What to do about it.", computed: true }),
    },
    { description: "Why the service is not active; null while it is.", computed: true },
  ),
  proxy_cluster: text({ description: "The cluster that serves it.", computed: true }),
  certificate: nested(
    {
      source: text({ description: "`acme`, `wildcard`, `static` or `uploaded`.", computed: true }),
      expires_at: text({ description: "When it ends, RFC 3339.", computed: true }),
    },
    { description: "The certificate that visitors see.", computed: true },
  ),
  live_on: listOfText({ description: "Ids of the proxies that serve the newest version.", computed: true }),
};

function addresses(description: string) {
  return setOfText({
    description: `${description} CIDR notation.`,
    optional: true,
    validators: [eachOfSet(cidr)],
  });
}

function mode(what: string) {
  return text({
    description: `\`observe\` lets everyone pass and notes in the access log whom ${what} would have refused; \`enforce\` when left out.`,
    optional: true,
    validators: [oneOf("enforce", "observe")],
  });
}

function countries(description: string) {
  return setOfText({
    description: `${description}. Two capital letters each (ISO 3166-1).`,
    optional: true,
    validators: [eachOfSet(matching(/^[A-Z]{2}$/, "a country code in capital letters, such as DE"))],
  });
}

export type ServiceAttributes = typeof attributes;
export type ServicePlan = PlanOf<ServiceAttributes>;
export type ServiceState = StateOf<ServiceAttributes>;
export type ServiceTold = ToldOf<ServiceAttributes>;
export type SecretState = StateOf<typeof secretAttributes>;
export type AuthState = StateOf<typeof authAttributes>;
export type TargetState = StateOf<typeof httpTargetAttributes>;
export type PathTargetState = StateOf<typeof pathTargetAttributes>;

export const schema: Schema<ServiceAttributes> = {
  version: 0,
  description: "A service that the reverse proxy exposes.",
  attributes,
};
