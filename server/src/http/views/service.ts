import type { AccountId } from "@netbird-proxy/proto";
import type {
  AccessRule,
  ProxyServiceStatus,
  Service,
  ServiceAuth,
  ServiceStatusDetail,
  ServiceTarget,
} from "@netbird-proxy/proto/rest";
import type { CommandContext } from "../../commands/context.ts";
import { isAtOrUnder } from "../../domain/domain-name.ts";
import { serviceUrl } from "../../domain/service-url.ts";
import { serviceWarnings } from "../../domain/service-warnings.ts";
import type { ProxyStatus } from "../../domain/status-fold.ts";
import { resolveTargetHost, type TargetDirectory } from "../../domain/target-host.ts";
import { foldServiceStatuses, type ServiceStatus } from "../../reconcile/service-status.ts";
import { type CustomDomain, listDomains } from "../../store/domains.ts";
import { readTargetDirectory } from "../../store/mapping-sources.ts";
import type {
  StoredAccessRule,
  StoredAuth,
  StoredRequestRate,
  StoredRestrictions,
  StoredService,
  StoredTarget,
  StoredTargetOptions,
} from "../../store/services.ts";
import { hiddenState } from "../etag.ts";
import { timestamp } from "./timestamp.ts";

/** A fixed number of queries for any number of services. */
export async function viewServices(
  context: CommandContext,
  account: AccountId,
  services: readonly StoredService[],
): Promise<Service[]> {
  if (services.length === 0) return [];
  const { db } = context.store;
  const directory = await readTargetDirectory(db, services);
  const domains = await listDomains(db, account);
  const statuses = await foldServiceStatuses(context.store.db, account, services, context.nowMs());
  return services.map((service) => viewService(service, directory, domains, statuses.get(service.id)!));
}

export async function viewOneService(
  context: CommandContext,
  account: AccountId,
  service: StoredService,
): Promise<Service> {
  const [view] = await viewServices(context, account, [service]);
  // Only single objects have an ETag of their own.
  return Object.assign(view!, { [hiddenState]: userState(service) });
}

function viewService(
  service: StoredService,
  directory: TargetDirectory,
  domains: readonly CustomDomain[],
  status: ServiceStatus,
): Service {
  const on = (enabled: boolean) => enabled && !service.terminated;
  const restrictions = service.accessRestrictions;
  // Absent fields are undefined here rather than spread in: lists have thousands of these, and objects of one shape are
  // made several times faster.
  return {
    id: service.id,
    name: service.name,
    domain: service.domain,
    mode: service.mode,
    listen_port: service.listenPort,
    port_auto_assigned: service.portAutoAssigned,
    proxy_cluster: service.proxyCluster === "" ? undefined : service.proxyCluster,
    enabled: on(service.enabled),
    terminated: service.terminated,
    private: service.private,
    pass_host_header: service.passHostHeader,
    rewrite_redirects: service.rewriteRedirects,
    auth: viewAuth(service.auth),
    targets: service.targets.map((target) => viewTarget(target, directory, on(target.enabled))),
    access_restrictions: restrictions ? viewRestrictions(restrictions) : undefined,
    access_rules: service.accessRules.length === 0 ? undefined : service.accessRules.map(viewAccessRule),
    access_groups: service.accessGroups.length === 0 ? undefined : service.accessGroups,
    meta: viewMeta(service, status),
    public: service.public,
    url: serviceUrl(service, status.publicHttpsPort),
    private_addresses: service.private ? [...status.privateAddresses] : undefined,
    warnings: serviceWarnings(service, {
      unvalidatedDomain: unvalidated(service, domains),
      withoutCrowdsec: status.withoutCrowdsec,
      withoutPrivate: status.withoutPrivate,
    }),
  };
}

/** What a request can change, secrets included; not what a proxy reports or what a target resolves to. */
function userState(service: StoredService): unknown[] {
  const { name, domain, mode, listenPort, enabled, passHostHeader, rewriteRedirects } = service;
  const { auth, accessRestrictions, accessRules, accessGroups, targets } = service;
  return [
    [name, domain, mode, listenPort, enabled, passHostHeader, rewriteRedirects],
    [service.private, service.public, service.terminated],
    [auth, accessRestrictions, accessRules, accessGroups, targets],
  ];
}

function viewMeta(service: StoredService, status: ServiceStatus): Service["meta"] {
  const { certificateIssuedAt: issuedAt } = service;
  const { certificate } = status;
  return {
    created_at: timestamp(service.createdAt),
    status: status.state,
    certificate_issued_at: issuedAt === null ? undefined : timestamp(issuedAt),
    revision: service.revision,
    live_revision: status.liveRevision,
    status_reason: status.reason,
    live_on: status.liveOn,
    certificate: certificate && {
      source: certificate.source,
      expires_at: certificate.expiresAt === null ? undefined : timestamp(certificate.expiresAt),
    },
  };
}

function viewTarget(target: StoredTarget, directory: TargetDirectory, enabled: boolean): ServiceTarget {
  return {
    target_id: target.targetId,
    target_type: target.targetType,
    protocol: target.protocol,
    port: target.port,
    host: resolveTargetHost(target, directory),
    path: target.path ?? undefined,
    enabled,
    options: viewOptions(target.options),
  };
}

function viewOptions(options: StoredTargetOptions): ServiceTarget["options"] {
  return {
    ...(options.skipTlsVerify ? { skip_tls_verify: true } : {}),
    ...(options.requestTimeout ? { request_timeout: options.requestTimeout } : {}),
    ...(options.sessionIdleTimeout ? { session_idle_timeout: options.sessionIdleTimeout } : {}),
    ...(options.pathRewrite ? { path_rewrite: options.pathRewrite } : {}),
    ...(options.customHeaders ? { custom_headers: options.customHeaders } : {}),
    ...(options.proxyProtocol ? { proxy_protocol: true } : {}),
    ...(options.directUpstream ? { direct_upstream: true } : {}),
  };
}

/** Secrets never leave: their keys stay, empty. */
function viewAuth(auth: StoredAuth): ServiceAuth {
  const { password, pin, bearer, headers, token, shareLink, clientCertificate } = auth;
  const { sessionLength, sessionIdleTime, identityToken } = auth;
  return {
    ...(password ? { password_auth: { enabled: password.enabled, password: "" } } : {}),
    ...(pin ? { pin_auth: { enabled: pin.enabled, pin: "" } } : {}),
    ...(bearer
      ? {
          bearer_auth: {
            enabled: bearer.enabled,
            distribution_groups: bearer.groups.length === 0 ? null : bearer.groups,
          },
        }
      : {}),
    ...(headers && headers.length > 0
      ? { header_auths: headers.map(({ enabled, header }) => ({ enabled, header, value: "" })) }
      : {}),
    ...(token ? { token_auth: { enabled: token.enabled } } : {}),
    ...(shareLink ? { share_link_auth: { enabled: shareLink.enabled } } : {}),
    ...(clientCertificate
      ? {
          client_certificate_auth: {
            enabled: clientCertificate.enabled,
            ca_certificates: clientCertificate.authorities,
          },
        }
      : {}),
    ...(sessionLength ? { session_length: sessionLength } : {}),
    ...(sessionIdleTime ? { session_idle_time: sessionIdleTime } : {}),
    ...(identityToken ? { identity_token: true } : {}),
  };
}

function viewRestrictions(stored: StoredRestrictions): Service["access_restrictions"] {
  const list = <Key extends string>(key: Key, values: string[]) =>
    values.length === 0 ? {} : ({ [key]: values } as Record<Key, string[]>);
  return {
    ...list("allowed_cidrs", stored.allowedCidrs),
    ...list("blocked_cidrs", stored.blockedCidrs),
    ...list("allowed_countries", stored.allowedCountries),
    ...list("blocked_countries", stored.blockedCountries),
    ...(stored.crowdsecMode === null ? {} : { crowdsec_mode: stored.crowdsecMode }),
    ...(stored.cidrMode ? { cidr_mode: stored.cidrMode } : {}),
    ...(stored.countryMode ? { country_mode: stored.countryMode } : {}),
    ...(stored.requestRate ? { request_rate: viewRequestRate(stored.requestRate) } : {}),
  };
}

function viewRequestRate({ perMinute, burst, mode }: StoredRequestRate) {
  return {
    per_minute: perMinute,
    ...(burst === null ? {} : { burst }),
    ...(mode === null ? {} : { mode }),
  };
}

function viewAccessRule({
  path,
  pathPrefix,
  methods,
  header,
  action,
  require,
  mode,
}: StoredAccessRule): AccessRule {
  return {
    ...(path === null ? {} : { path }),
    ...(pathPrefix === null ? {} : { path_prefix: pathPrefix }),
    ...(methods.length === 0 ? {} : { methods }),
    ...(header === null
      ? {}
      : { header: { name: header.name, ...(header.value === null ? {} : { value: header.value }) } }),
    action,
    ...(require.length === 0 ? {} : { require }),
    ...(mode === null ? {} : { mode }),
  };
}

/** The custom domain that the service stands on, when it is not validated. */
function unvalidated(service: StoredService, domains: readonly CustomDomain[]): string | undefined {
  const [longest] = domains
    .filter(({ domain }) => isAtOrUnder(service.domain, domain))
    .sort((a, b) => b.domain.length - a.domain.length);
  return longest && !longest.validated ? longest.domain : undefined;
}

export function viewStatusDetail(service: StoredService, status: ServiceStatus): ServiceStatusDetail {
  return {
    service_id: service.id,
    status: status.state,
    ...(status.reason ? { status_reason: status.reason } : {}),
    revision: service.revision,
    live_revision: status.liveRevision,
    live_on: status.liveOn,
    proxies: status.proxies.map(viewProxyStatus),
  };
}

function viewProxyStatus(proxy: ProxyStatus): ProxyServiceStatus {
  const { certificate } = proxy;
  return {
    proxy_id: proxy.proxyId,
    connected: proxy.connected,
    live: proxy.live,
    status: proxy.state,
    ...(proxy.reason ? { reason: proxy.reason } : {}),
    applied_revision: proxy.appliedRevision,
    serving_revision: proxy.servingRevision,
    reported_at: proxy.reportedAt === null ? null : timestamp(proxy.reportedAt),
    ...(certificate
      ? {
          certificate: {
            state: certificate.state,
            source: certificate.source,
            ...(certificate.expiresAt === null ? {} : { expires_at: timestamp(certificate.expiresAt) }),
            ...(certificate.reason ? { reason: certificate.reason } : {}),
          },
        }
      : {}),
    targets: proxy.targets.map((target) => ({
      position: target.position,
      target_id: target.targetId,
      ...(target.path === null ? {} : { path: target.path }),
      state: target.state,
      ...(target.reason ? { reason: target.reason } : {}),
      handshake_age_seconds: target.handshakeAgeSeconds,
      probe_ms: target.probeMs,
    })),
  };
}
