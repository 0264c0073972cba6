import type { ProxyCapabilities } from "../store/proxies.ts";
import type { StoredAccessRule } from "../store/services.ts";

/** As much of a service as {@link whyNotServed} looks at. */
export interface ServableService {
  mode: string;
  listenPort: number;
  enabled: boolean;
  terminated: boolean;
  private: boolean;
  accessRules: readonly Pick<StoredAccessRule, "action" | "mode">[];
}

/**
 * Why a proxy is not told about a service of its cluster; undefined when it is. A proxy that cannot enforce `private`
 * would publish the service, one that does not know access rules would open what they close, and one that says nothing
 * about ports cannot bind them.
 * Source: reference §6, capability filter. `listen_port` of tls mode only selects by SNI and always passes.
 */
export function whyNotServed(
  service: ServableService,
  capabilities: ProxyCapabilities,
): "disabled" | "unsupported" | undefined {
  if (!service.enabled || service.terminated) return "disabled";
  if (service.private && capabilities.supportsPrivateService !== true) return "unsupported";
  if (needsAccessRules(service) && capabilities.supportsAccessRules !== true) return "unsupported";
  const bindsPort = service.listenPort !== 0 && service.mode !== "tls";
  // Absent counts, false does not: ports that the server assigned are bound by every proxy that knows the question.
  if (bindsPort && capabilities.supportsCustomPorts === undefined) return "unsupported";
  return undefined;
}

/** Without a rule that only opens, a proxy asks everybody to sign in: stricter, and no reason to leave the service out. */
export function needsAccessRules({ accessRules }: Pick<ServableService, "accessRules">): boolean {
  return accessRules.some(({ action, mode }) => action !== "allow" && mode !== "observe");
}
