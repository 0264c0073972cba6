import { type WarningCode, warningCodes } from "@netbird-proxy/proto";
import type { StoredAuth, StoredService } from "../store/services.ts";

export interface ServiceWarning {
  code: WarningCode;
  message: string;
  path: string;
  hint: string;
}

export function hasEnabledAuth(auth: StoredAuth): boolean {
  return Boolean(
    auth.password?.enabled ||
      auth.pin?.enabled ||
      auth.bearer?.enabled ||
      auth.headers?.some(({ enabled }) => enabled) ||
      auth.token?.enabled ||
      auth.shareLink?.enabled ||
      auth.clientCertificate?.enabled,
  );
}

/** True when anybody on the internet gets through to the targets. */
export function isOpenToEverybody(
  service: Pick<StoredService, "auth" | "private" | "accessRestrictions" | "accessRules">,
): boolean {
  const { accessRestrictions: limits } = service;
  const limited = (limits?.allowedCidrs.length ?? 0) > 0 && limits?.cidrMode !== "observe";
  if (service.private || limited) return false;
  // A rule for everything stands in front of what the service does usually.
  const whole = service.accessRules.find(
    ({ pathPrefix, methods, header, mode }) =>
      pathPrefix === "/" && methods.length === 0 && header === null && mode !== "observe",
  );
  return whole === undefined ? !hasEnabledAuth(service.auth) : whole.action === "allow";
}

/** What a user should know before applying; none of it stops the request. */
export function serviceWarnings(
  service: StoredService,
  {
    unvalidatedDomain,
    withoutCrowdsec,
    withoutPrivate,
  }: { unvalidatedDomain?: string; withoutCrowdsec?: string; withoutPrivate?: string } = {},
): ServiceWarning[] {
  const warnings: ServiceWarning[] = [];
  const warn = (code: WarningCode, message: string, path: string) =>
    warnings.push({ code, message, path, hint: warningCodes[code].hint });
  if (!service.public && isOpenToEverybody(service)) {
    warn("service.public", `everybody can reach ${service.domain} without authentication`, "auth");
  }
  if (unvalidatedDomain !== undefined) {
    warn("domain.not_validated", `the custom domain ${unvalidatedDomain} is not validated`, "domain");
  }
  if (withoutCrowdsec !== undefined && service.accessRestrictions?.crowdsecMode === "enforce") {
    warn(
      "service.crowdsec_missing",
      `proxy ${withoutCrowdsec} has no CrowdSec and refuses everybody`,
      "access_restrictions.crowdsec_mode",
    );
  }
  if (withoutPrivate !== undefined && service.private) {
    warn("service.private_off", `proxy ${withoutPrivate} lets no peers in, so nobody reaches it`, "private");
  }
  return warnings;
}
