import type { ApiClient } from "../client/api-client.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";

/** What resources work with during one walk. */
export interface Walk {
  /** @throws {DiagnosticError} when the provider's configuration is not known yet */
  readonly api: ApiClient;
  /** True when `api` can be used. */
  readonly ready: boolean;
  /** Domains of services that this configuration manages, by domain: the service's id. */
  readonly managedDomains: Map<string, string>;
  /** Custom domains that this walk plans to create. */
  readonly plannedCustomDomains: Set<string>;
}

export function walk(api: ApiClient): Walk {
  return { api, ready: true, managedDomains: new Map(), plannedCustomDomains: new Set() };
}

/** While planning, the provider's own configuration may depend on something that does not exist yet. */
export function unconfiguredWalk(unknownAttributes: readonly string[]): Walk {
  return {
    get api(): ApiClient {
      throw new DiagnosticError({
        summary: "The provider's configuration is not known yet",
        detail:
          `${unknownAttributes.join(" and ")} of the provider block depend on something that is still to be created. ` +
          "Create that first (for instance with -target), or give the values directly.",
      });
    },
    ready: false,
    managedDomains: new Map(),
    plannedCustomDomains: new Set(),
  };
}
