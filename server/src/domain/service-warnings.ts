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
      auth.headers?.some(({ enabled }) => enabled),
  );
}

/** True when anybody on the internet gets through to the targets. */
export function isOpenToEverybody(
  service: Pick<StoredService, "auth" | "private" | "accessRestrictions">,
): boolean {
  const { accessRestrictions: limits } = service;
  const limited = (limits?.allowedCidrs.length ?? 0) > 0 && limits?.cidrMode !== "observe";
  return !service.private && !limited && !hasEnabledAuth(service.auth);
}

/** What a user should know before applying; none of it stops the request. */
export function serviceWarnings(
  service: StoredService,
  { unvalidatedDomain }: { unvalidatedDomain?: string } = {},
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
  return warnings;
}
