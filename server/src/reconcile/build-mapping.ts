import { management } from "@netbird-proxy/proto/grpc";
import { parseGoDuration } from "../domain/go-duration.ts";
import { parseAddress } from "../domain/ip-network.ts";
import { sessionTags } from "../domain/session-tag.ts";
import { sessionIdleSeconds, sessionSeconds } from "../domain/session-times.ts";
import { resolveTargetHost, type TargetDirectory } from "../domain/target-host.ts";
import type { StoredService, StoredTarget, StoredTargetOptions } from "../store/services.ts";

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
  const { auth, accessRestrictions: limits } = service;
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
      maxSessionAgeSeconds: BigInt(sessionSeconds(auth)),
      password: auth.password?.enabled ?? false,
      pin: auth.pin?.enabled ?? false,
      oidc: auth.bearer?.enabled ?? false,
      headerAuths: (auth.headers ?? [])
        .filter(({ enabled }) => enabled)
        .map(({ header }) => ({ header, hashedValue: "" })),
      sessionTags: sessionTags(service),
      sessionIdleSeconds: BigInt(sessionIdleSeconds(auth)),
      sessionIdleKey: Buffer.from(auth.sessionIdleKey ?? "", "base64"),
      identityKey: Buffer.from(identityKey),
    },
    passHostHeader: service.passHostHeader,
    rewriteRedirects: service.rewriteRedirects,
    mode: service.mode,
    listenPort: service.listenPort,
    accessRestrictions: limits
      ? {
          allowedCidrs: limits.allowedCidrs,
          blockedCidrs: limits.blockedCidrs,
          allowedCountries: limits.allowedCountries,
          blockedCountries: limits.blockedCountries,
          crowdsecMode: limits.crowdsecMode ?? "",
        }
      : undefined,
    private: service.private,
    revision: BigInt(service.revision),
    name: service.name,
  };
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
