import type { Service } from "../client/api-types.ts";
import { isUnknown } from "../convert/value.ts";
import {
  requiresReplace,
  useNonNullStateForUnknown,
  useStateForUnknown,
} from "../framework/plan-modifiers.ts";
import {
  flag,
  integer,
  listOfText,
  nested,
  nestedList,
  type PlanOf,
  type StateOf,
  type ToldOf,
  text,
} from "../framework/schema.ts";
import { bytesBetween, integerBetween, matching, notEmpty, oneOf } from "../framework/validators.ts";
import { optionAttributes, type TargetState } from "./proxy-service/attributes.ts";
import { targetRequest } from "./proxy-service/request.ts";
import { toldOptions } from "./proxy-service/told.ts";
import type { RequestParts, RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

// Attribute names and behaviour of NetBird's own provider, so that its configurations work unchanged. The resource with
// all that can be said about a service is netbird_proxy_service.

const enabled = flag({ description: "Whether it counts.", required: true });
const stored = (description: string) =>
  text({ description, optional: true, sensitive: true, clientOnly: true });

const targetAttributes = {
  target_id: text({
    description: "Id of the peer or network resource.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  target_type: text({
    description: "`peer`, `host`, `domain` or `subnet`.",
    required: true,
    validators: [oneOf("peer", "host", "domain", "subnet")],
  }),
  port: integer({
    description: "Port of the target; 0 is the default port of the protocol.",
    required: true,
    validators: [integerBetween(0, 65_535)],
  }),
  protocol: text({
    description: "`http` or `https`; in layer 4 modes `tcp` or `udp`.",
    required: true,
    validators: [oneOf("http", "https", "tcp", "udp")],
  }),
  host: text({
    description: "Address of the target. Without it, the server looks it up.",
    optional: true,
    computed: true,
    modifiers: [useNonNullStateForUnknown()],
  }),
  path: text({ description: "Path prefix. Defaults to `/`.", default: "/" }),
  enabled: flag({
    description: "Whether the target is used. Defaults to true; in layer 4 modes it always is.",
    default: true,
  }),
  options: nested(
    {
      skip_tls_verify: optionAttributes.skip_tls_verify,
      request_timeout: optionAttributes.request_timeout,
      session_idle_timeout: optionAttributes.session_idle_timeout,
      path_rewrite: optionAttributes.path_rewrite,
      custom_headers: { ...optionAttributes.custom_headers, sensitive: true },
      proxy_protocol: optionAttributes.proxy_protocol,
    },
    { description: "Details of the connection to the target.", optional: true },
  ),
};

const authAttributes = {
  password_auth: nested(
    { enabled, password: stored("The password. It is stored in the state.") },
    { description: "One password for all visitors.", optional: true, presence: true },
  ),
  pin_auth: nested(
    { enabled, pin: stored("The PIN. It is stored in the state.") },
    { description: "One PIN for all visitors.", optional: true, presence: true },
  ),
  bearer_auth: nested(
    {
      enabled,
      distribution_groups: listOfText({
        description: "Ids of the groups whose members may visit.",
        optional: true,
      }),
    },
    { description: "Visitors sign in with the identity provider.", optional: true, presence: true },
  ),
  link_auth: nested(
    { enabled },
    { description: "Links that let visitors in.", optional: true, presence: true, clientOnly: true },
  ),
  header_auths: nestedList(
    {
      enabled,
      header: text({ description: "Name of the header.", required: true }),
      value: text({
        description: "The secret. It is stored in the state.",
        required: true,
        sensitive: true,
        clientOnly: true,
      }),
    },
    { description: "Secrets that programs send in a header.", optional: true },
  ),
};

const limits = (description: string) => listOfText({ description, optional: true });
const kept = { computed: true, modifiers: [useStateForUnknown()] };

export const reverseProxyServiceAttributes = {
  id: text({ description: "Id of the service.", ...kept }),
  name: text({ description: "Name of the service.", required: true, validators: [bytesBetween(1, 255)] }),
  domain: text({
    description: "Domain of the service.",
    required: true,
    validators: [matching(/^[a-z0-9_.-]{1,253}$/, "a domain name in lower case")],
  }),
  mode: text({
    description: "`http`, `tcp`, `udp` or `tls`. Defaults to `http`. A change makes a new service.",
    default: "http",
    validators: [oneOf("http", "tcp", "udp", "tls")],
    modifiers: [requiresReplace()],
  }),
  listen_port: integer({
    description: "Port on the proxy, in layer 4 modes; 0 lets the server choose.",
    optional: true,
    computed: true,
    validators: [integerBetween(0, 65_535)],
    modifiers: [useStateForUnknown()],
    // What the server chose stays its choice.
    sameMeaning: (_stored, configured) => configured === 0,
  }),
  enabled: flag({ description: "Whether the service is served. Defaults to true.", default: true }),
  pass_host_header: flag({
    description: "Sends the visitor's `Host` header to the target. Defaults to false.",
    default: false,
  }),
  rewrite_redirects: flag({
    description: "Rewrites redirects of the target to the service's own address. Defaults to false.",
    default: false,
  }),
  targets: nestedList(targetAttributes, {
    description: "Where requests go.",
    required: true,
    validators: [notEmpty("target")],
  }),
  auth: nested(authAttributes, {
    description: "Who may visit; `{}` for everyone.",
    required: true,
    presence: true,
  }),
  access_restrictions: nested(
    {
      allowed_cidrs: limits("Only these networks may connect."),
      blocked_cidrs: limits("These networks may not connect."),
      allowed_countries: limits("Only these countries may connect."),
      blocked_countries: limits("These countries may not connect."),
    },
    { description: "Where visitors may come from.", optional: true },
  ),
  port_auto_assigned: flag({ description: "Whether the server chose the port.", ...kept }),
  proxy_cluster: text({ description: "The cluster that serves it.", ...kept }),
};

type Attributes = typeof reverseProxyServiceAttributes;

function body({ plan, state }: RequestParts<Attributes>) {
  // Everything that can be configured is known by now, so the plan is as a state would be.
  const service = plan as unknown as StateOf<Attributes>;
  const chosen = typeof plan.listen_port === "number" ? plan.listen_port : (state?.listen_port ?? 0);
  return {
    name: service.name,
    domain: service.domain,
    mode: service.mode,
    enabled: service.enabled,
    pass_host_header: service.pass_host_header,
    rewrite_redirects: service.rewrite_redirects,
    ...(service.mode !== "http" && chosen > 0 ? { listen_port: chosen } : {}),
    targets: (service.targets ?? []).map((target) => ({
      ...targetRequest(
        { ...target, host: configuredHost(target) } as unknown as TargetState,
        service.mode === "http" ? (target.path ?? "/") : undefined,
      ),
    })),
    auth: authBody(service.auth),
    ...(service.access_restrictions === null
      ? {}
      : { access_restrictions: withoutNulls(service.access_restrictions) }),
  };
}

/** For other types than subnets the server finds the address, and may not be told one. */
function configuredHost({ target_type, host }: { target_type: unknown; host: unknown }): string | null {
  return target_type === "subnet" && typeof host === "string" ? host : null;
}

function authBody(auth: StateOf<Attributes>["auth"]): object {
  if (auth === null) return {};
  const { password_auth, pin_auth, bearer_auth, link_auth, header_auths } = auth;
  return {
    ...(password_auth === null
      ? {}
      : {
          password_auth: { enabled: password_auth.enabled ?? true, password: password_auth.password ?? "" },
        }),
    ...(pin_auth === null
      ? {}
      : { pin_auth: { enabled: pin_auth.enabled ?? true, pin: pin_auth.pin ?? "" } }),
    ...(bearer_auth === null
      ? {}
      : {
          bearer_auth: {
            enabled: bearer_auth.enabled ?? true,
            distribution_groups: bearer_auth.distribution_groups ?? [],
          },
        }),
    ...(link_auth === null ? {} : { link_auth: { enabled: link_auth.enabled ?? true } }),
    ...(header_auths === null || header_auths.length === 0
      ? {}
      : {
          header_auths: header_auths.map(({ enabled: on, header, value }) => ({
            enabled: on,
            header,
            value: value ?? "",
          })),
        }),
  };
}

function withoutNulls(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function told(found: Service): ToldOf<Attributes> {
  const { password_auth, pin_auth, bearer_auth, header_auths } = found.auth;
  return {
    id: found.id,
    name: found.name,
    domain: found.domain,
    mode: found.mode,
    listen_port: found.listen_port ?? 0,
    enabled: found.enabled,
    pass_host_header: found.pass_host_header,
    rewrite_redirects: found.rewrite_redirects,
    targets: found.targets.map((target) => ({
      target_id: target.target_id,
      target_type: target.target_type,
      port: target.port,
      protocol: target.protocol,
      host: target.host || null,
      path: target.path || "/",
      enabled: target.enabled,
      options: toldOptions(target.options),
    })),
    auth: {
      password_auth: password_auth === undefined ? null : { enabled: password_auth.enabled },
      pin_auth: pin_auth === undefined ? null : { enabled: pin_auth.enabled },
      bearer_auth:
        bearer_auth === undefined
          ? null
          : {
              enabled: bearer_auth.enabled,
              distribution_groups: bearer_auth.distribution_groups ?? null,
            },
      header_auths: header_auths?.length
        ? header_auths.map(({ enabled: on, header }) => ({ enabled: on, header }))
        : null,
    },
    access_restrictions:
      found.access_restrictions === undefined
        ? null
        : {
            allowed_cidrs: found.access_restrictions.allowed_cidrs ?? null,
            blocked_cidrs: found.access_restrictions.blocked_cidrs ?? null,
            allowed_countries: found.access_restrictions.allowed_countries ?? null,
            blocked_countries: found.access_restrictions.blocked_countries ?? null,
          },
    port_auto_assigned: found.port_auto_assigned ?? false,
    proxy_cluster: found.proxy_cluster ?? null,
  };
}

export const reverseProxyServiceKind: RestKind<Attributes, Service> = {
  typeName: "netbird_reverse_proxy_service",
  what: "service",
  description:
    "A service that the reverse proxy exposes, as NetBird's own provider writes it. New configurations say more with `netbird_proxy_service`.",
  attributes: reverseProxyServiceAttributes,
  collection: () => "/reverse-proxies/services",
  names: { domain: ({ domain }) => domain, name: ({ name }) => name },
  unique: true,
  createBody: body,
  updateBody: body,
  // The custom domain that is missing may be one that this apply adds first.
  maySettle: ({ status }, { plan }, { domains }) =>
    status === 412 && domains.isUnderPlannedCustomDomain(String((plan as PlanOf<Attributes>).domain)),
  told,
};

export const reverseProxyService = restResource(reverseProxyServiceKind, {
  validate({ mode, targets }, diagnostics) {
    if (isUnknown(mode) || mode === null || mode === "http" || isUnknown(targets)) return;
    // The server enables it in any case, so that every later plan would try again.
    for (const [index, target] of (targets ?? []).entries())
      if (!isUnknown(target) && target?.enabled === false)
        diagnostics.error(
          ["targets", index, "enabled"],
          "Always enabled",
          `A target of mode ${mode} cannot be switched off. Set \`enabled = false\` of the service.`,
        );
  },

  plan({ plan, state, config }) {
    if (config.mode === null || config.mode === "http") {
      if (config.listen_port === null && (state === null || state.mode === "http")) plan.listen_port = 0;
      if (state === null) plan.port_auto_assigned = false;
    }
  },
});
