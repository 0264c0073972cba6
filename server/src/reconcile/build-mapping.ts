import { management } from "@netbird-proxy/proto/grpc";
import { parseGoDuration } from "../domain/go-duration.ts";
import { parseAddress } from "../domain/ip-network.ts";
import { requiredGroups, takesTunnelLogin } from "../domain/service-groups.ts";
import { sessionTags } from "../domain/session-tag.ts";
import { sessionIdleSeconds, sessionSeconds } from "../domain/session-times.ts";
import { resolveTargetHost, type TargetDirectory } from "../domain/target-host.ts";
import type {
  StoredRestrictions,
  StoredService,
  StoredServiceToken,
  StoredTarget,
  StoredTargetOptions,
} from "../store/services.ts";

/** Proxies name a method like the sessions that come from it. */
const methodNames: Record<string, string> = { sso: "oidc", share_link: "link" };

/**
 * The complete description of a service for a proxy. Source: reference §4.3.
 * Hashes of header secrets stay here: no proxy uses them, the server compares.
 *
 * @param identityKey of {@link identityKeyOf}
 */
export function buildMapping(
  service: StoredService,
  directory: TargetDirectory,
  type: management.ProxyMappingUpdateType,
  authToken = "",
  identityKey: Uint8Array = new Uint8Array(),
): management.ProxyMapping {
  const { auth, accessRestrictions } = service;
  return {
    type,
    id: service.id,
    accountId: service.accountId,
    domain: service.domain,
    path: service.targets
      .filter(({ enabled }) => enabled)
      .map((target) => buildPath(service, target, directory)),
    authToken,
    auth: {
      sessionKey: service.sessionPublicKey,
      formerSessionKeys: service.formerSessionKeys.map(({ publicKey, untilMs }) => ({
        publicKey,
        until: BigInt(Math.floor(untilMs / 1000)),
      })),
      maxSessionAgeSeconds: BigInt(sessionSeconds(auth)),
      password: auth.password?.enabled ?? false,
      pin: auth.pin?.enabled ?? false,
      oidc: auth.bearer?.enabled ?? false,
      headerAuths: (auth.headers ?? [])
        .filter(({ enabled }) => enabled)
        .map(({ header }) => ({ header, hashedValue: "" })),
      sessionTags: sessionTags(service),
      token: auth.token?.enabled ?? false,
      serviceTokens: auth.token?.enabled ? service.grants.tokens.map(tokenMessage) : [],
      shareLink: auth.shareLink?.enabled ?? false,
      clientAuthorityPem: auth.clientCertificate?.enabled ? auth.clientCertificate.authorities : "",
      sessionIdleSeconds: BigInt(sessionIdleSeconds(auth)),
      sessionIdleKey: Buffer.from(auth.sessionIdleKey ?? "", "base64"),
      identityKey: Buffer.from(identityKey),
    },
    passHostHeader: service.passHostHeader,
    rewriteRedirects: service.rewriteRedirects,
    mode: service.mode,
    listenPort: service.listenPort,
    accessRestrictions: accessRestrictions ? buildRestrictions(accessRestrictions) : undefined,
    private: service.private,
    tunnelLogin: buildTunnelLogin(service),
    revision: BigInt(service.revision),
    name: service.name,
    accessRules: service.accessRules.map((rule) => ({
      path: rule.path ?? "",
      pathPrefix: rule.pathPrefix ?? "",
      methods: rule.methods,
      headerName: rule.header?.name ?? "",
      headerValue: rule.header?.value ?? undefined,
      action: rule.action,
      // Sessions name single sign-on by its protocol.
      require: rule.require.map((method) => methodNames[method] ?? method),
      observe: rule.mode === "observe",
    })),
  };
}

function buildTunnelLogin(service: StoredService): management.TunnelLogin | undefined {
  if (!takesTunnelLogin(service)) return undefined;
  const groups = requiredGroups(service);
  return { everyPeer: groups === undefined, groupIds: [...(groups ?? [])] };
}

/** Lists that are only observed go where a proxy that does not know observing does not look. */
function buildRestrictions(limits: StoredRestrictions): management.AccessRestrictions {
  const lists = (mode: "enforce" | "observe") => {
    const cidrs = (limits.cidrMode ?? "enforce") === mode;
    const countries = (limits.countryMode ?? "enforce") === mode;
    return {
      allowedCidrs: cidrs ? limits.allowedCidrs : [],
      blockedCidrs: cidrs ? limits.blockedCidrs : [],
      allowedCountries: countries ? limits.allowedCountries : [],
      blockedCountries: countries ? limits.blockedCountries : [],
    };
  };
  const observes = limits.cidrMode === "observe" || limits.countryMode === "observe";
  return {
    ...lists("enforce"),
    crowdsecMode: limits.crowdsecMode ?? "",
    observed: observes
      ? { ...lists("observe"), crowdsecMode: "", observed: undefined, requestRate: undefined }
      : undefined,
    requestRate: limits.requestRate
      ? {
          perMinute: limits.requestRate.perMinute,
          burst: limits.requestRate.burst ?? limits.requestRate.perMinute,
          observe: limits.requestRate.mode === "observe",
        }
      : undefined,
  };
}

function tokenMessage({ id, name, hash, expiresAt }: StoredServiceToken): management.ServiceToken {
  // Rounded down: never longer than promised.
  const seconds = expiresAt === null ? 0 : Math.floor(expiresAt / 1000);
  return { id, name, sha256: Buffer.from(hash, "base64"), expiresAt: BigInt(seconds) };
}

export interface Removal {
  id: string;
  accountId: string;
  /** Empty when it is not known any more; the id is what counts. */
  domain: string;
  revision: number;
}

/** What a proxy needs to let go of a service. */
export function buildRemoval(gone: Removal): management.ProxyMapping {
  return {
    ...management.ProxyMapping.fromPartial({}),
    type: management.ProxyMappingUpdateType.UPDATE_TYPE_REMOVED,
    id: gone.id,
    accountId: gone.accountId,
    domain: gone.domain,
    revision: BigInt(gone.revision),
  };
}

function buildPath(
  service: StoredService,
  target: StoredTarget,
  directory: TargetDirectory,
): management.PathMapping {
  const host = resolveTargetHost(target, directory);
  const http = service.mode === "http";
  const isResource =
    target.targetType === "host" || target.targetType === "domain" || target.targetType === "subnet";
  return {
    path: http ? target.path || "/" : "",
    target: http ? httpTarget(target.protocol, host, target.port) : hostAndPort(host, effectivePort(target)),
    options: buildOptions(target.options),
    position: target.position,
    peerId: target.targetType === "peer" ? target.targetId : "",
    resourceId: isResource ? target.targetId : "",
  };
}

/** 0 means the default port of the protocol. */
export function effectivePort(target: Pick<StoredTarget, "port" | "protocol">): number {
  if (target.port !== 0) return target.port;
  return target.protocol === "https" ? 443 : 80;
}

/** `scheme://host[:port]/`, default ports left out, IPv6 in brackets. */
function httpTarget(protocol: string, host: string, port: number): string {
  const scheme = protocol === "https" ? "https" : "http";
  const isDefault = port === 0 || port === (scheme === "https" ? 443 : 80);
  return `${scheme}://${isDefault ? bracketed(host) : hostAndPort(host, port)}/`;
}

function hostAndPort(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
}

function bracketed(host: string): string {
  return parseAddress(host)?.family === 6 ? `[${host}]` : host;
}

/** Absent when everything is as it is by default. */
function buildOptions(options: StoredTargetOptions): management.PathTargetOptions | undefined {
  if (Object.keys(options).length === 0) return undefined;
  return management.PathTargetOptions.fromPartial({
    skipTlsVerify: options.skipTlsVerify,
    requestTimeout: protoDuration(options.requestTimeout),
    pathRewrite:
      options.pathRewrite === "preserve"
        ? management.PathRewriteMode.PATH_REWRITE_PRESERVE
        : management.PathRewriteMode.PATH_REWRITE_DEFAULT,
    customHeaders: options.customHeaders,
    proxyProtocol: options.proxyProtocol,
    sessionIdleTimeout: protoDuration(options.sessionIdleTimeout),
    directUpstream: options.directUpstream,
  });
}

function protoDuration(text: string | undefined): { seconds: bigint; nanos: number } | undefined {
  const ns = text === undefined ? undefined : parseGoDuration(text);
  if (ns === undefined) return undefined;
  return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}
