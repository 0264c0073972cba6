import type { Service, ServiceTarget } from "../../client/api-types.ts";
import { toldAccessRules } from "./access-rules.ts";
import type { ServiceState, ServiceTold } from "./attributes.ts";

/**
 * What the API says about a service, as attributes.
 *
 * @param state what is stored; undefined when nothing is
 */
export function toldService(service: Service, state?: ServiceState): ServiceTold {
  const layer4 = service.mode !== "http";
  return {
    id: service.id,
    name: service.name,
    domain: service.domain,
    mode: service.mode,
    enabled: service.enabled,
    public: toldPublic(service, state),
    targets: layer4 ? null : targetsByPath(service.targets),
    target: layer4 && service.targets[0] !== undefined ? toldTarget(service.targets[0]) : null,
    listen_port: service.listen_port === 0 ? null : service.listen_port,
    pass_host_header: service.pass_host_header,
    rewrite_redirects: service.rewrite_redirects,
    auth: toldAuth(service.auth, state?.auth?.headers),
    access_restrictions: toldRestrictions(service.access_restrictions),
    access_rules: toldAccessRules(service.access_rules),
    private: service.private,
    access_groups: service.access_groups ?? [],
    url: service.url ?? derivedUrl(service),
    private_addresses: service.private_addresses ?? null,
    status: service.meta.status,
    status_reason: service.meta.status_reason ?? null,
    proxy_cluster: service.proxy_cluster ?? null,
    certificate: toldCertificate(service),
    live_on: [...(service.meta.live_on ?? [])].sort(),
  };
}

/** NetBird's own server does not keep the confirmation; a service found open counts as meant so when it is imported. */
function toldPublic(service: Service, state: ServiceState | undefined): boolean | undefined {
  if (service.public !== undefined) return service.public;
  const justImported = state !== undefined && state.name === null;
  if (!justImported || service.private || service.mode !== "http") return undefined;
  return Object.keys(service.auth).length === 0 ? true : undefined;
}

/** The first target of a path by the path, with the others as its replicas. `/api` and `/api/` are the same path. */
function targetsByPath(targets: readonly ServiceTarget[]) {
  const groups = new Map<string, [ServiceTarget, ...ServiceTarget[]]>();
  for (const target of targets) {
    const key = (target.path ?? "").replace(/\/+$/, "");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [target]);
    else group.push(target);
  }
  return new Map(
    [...groups.values()].map(([first, ...others]) => [
      first.path || "/",
      { ...toldTarget(first), replicas: others.length === 0 ? null : others.map(toldTarget) },
    ]),
  );
}

export function toldTarget(target: ServiceTarget) {
  const takesHost = target.target_type === "subnet" || target.target_type === "cluster";
  return {
    target_type: target.target_type,
    target_id: target.target_id,
    protocol: target.protocol,
    port: target.port === 0 ? null : target.port,
    // For other types the server shows the address that it looked up, which nobody configured.
    host: takesHost ? target.host || null : null,
    enabled: target.enabled,
    options: toldOptions(target.options),
  };
}

/** The API always answers an object; one without anything in it is nothing. */
export function toldOptions(options: ServiceTarget["options"]) {
  if (Object.keys(options).length === 0) return null;
  return {
    skip_tls_verify: options.skip_tls_verify ?? null,
    request_timeout: options.request_timeout ?? null,
    session_idle_timeout: options.session_idle_timeout ?? null,
    path_rewrite: options.path_rewrite ?? null,
    custom_headers: options.custom_headers ? new Map(Object.entries(options.custom_headers)) : null,
    proxy_protocol: options.proxy_protocol ?? null,
    direct_upstream: options.direct_upstream ?? null,
  };
}

/** A method that is switched off is one that is not there: repairing that sends its secret anew. */
function toldAuth(auth: Service["auth"], storedHeaders: ReadonlyMap<string, unknown> | null | undefined) {
  const methods = {
    password: auth.password_auth?.enabled ? {} : null,
    pin: auth.pin_auth?.enabled ? {} : null,
    sso: auth.bearer_auth?.enabled ? { groups: auth.bearer_auth.distribution_groups ?? [] } : null,
    headers: toldHeaders(auth.header_auths ?? [], storedHeaders),
    client_certificates: auth.client_certificate_auth?.enabled
      ? { ca_certificates: auth.client_certificate_auth.ca_certificates }
      : null,
    service_tokens: auth.token_auth?.enabled ?? null,
    share_links: auth.share_link_auth?.enabled ?? null,
  };
  if (Object.values(methods).every((method) => method === null)) return null;
  return {
    ...methods,
    identity_token: auth.identity_token ?? null,
    session_length: auth.session_length ?? null,
    session_idle_time: auth.session_idle_time ?? null,
  };
}

/** Header names compare without case; the stored spelling stays. */
function toldHeaders(
  auths: NonNullable<Service["auth"]["header_auths"]>,
  stored: ReadonlyMap<string, unknown> | null | undefined,
) {
  const enabled = auths.filter((auth) => auth.enabled);
  if (enabled.length === 0) return null;
  const spelling = new Map([...(stored?.keys() ?? [])].map((name) => [name.toLowerCase(), name]));
  return new Map(enabled.map(({ header }) => [spelling.get(header.toLowerCase()) ?? header, {}]));
}

function toldRestrictions(restrictions: Service["access_restrictions"]) {
  if (restrictions === undefined) return null;
  return {
    allowed_cidrs: restrictions.allowed_cidrs ?? null,
    blocked_cidrs: restrictions.blocked_cidrs ?? null,
    allowed_countries: restrictions.allowed_countries ?? null,
    blocked_countries: restrictions.blocked_countries ?? null,
    crowdsec_mode: restrictions.crowdsec_mode ?? null,
    cidr_mode: restrictions.cidr_mode ?? null,
    country_mode: restrictions.country_mode ?? null,
    request_rate: toldRate(restrictions.request_rate),
  };
}

function toldRate(rate: NonNullable<Service["access_restrictions"]>["request_rate"]) {
  if (rate === undefined) return null;
  return { per_minute: rate.per_minute, burst: rate.burst ?? null, mode: rate.mode ?? null };
}

function toldCertificate({ meta }: Service) {
  if (meta.certificate === undefined) return null;
  return { source: meta.certificate.source, expires_at: meta.certificate.expires_at ?? null };
}

/** The address where the server does not say it. */
function derivedUrl({ mode, domain, listen_port }: Service): string {
  return mode === "http" ? `https://${domain}` : `${mode}://${domain}:${listen_port}`;
}
