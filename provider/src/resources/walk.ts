import type { ApiClient } from "../client/api-client.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import { PlannedDomains } from "./planned-domains.ts";
import { PlannedNames } from "./planned-names.ts";
import type { PreflightMode } from "./preflight.ts";

/** What resources work with during one walk. */
export interface Walk {
  /** @throws {DiagnosticError} when the provider's configuration is not known yet */
  readonly api: ApiClient;
  /** True when `api` can be used. */
  readonly ready: boolean;
  /** Whether, and how strictly, the server checks what is planned. */
  readonly preflight: PreflightMode;
  readonly domains: PlannedDomains;
  readonly names: PlannedNames;
  /** Ids of services whose targets this walk changed one by one. */
  readonly sharedServices: Set<string>;
}

export function walk(api: ApiClient, preflight: PreflightMode): Walk {
  return { api, ready: true, preflight, ...memory() };
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
    preflight: "off",
    ...memory(),
  };
}

const memory = () => ({
  domains: new PlannedDomains(),
  names: new PlannedNames(),
  sharedServices: new Set<string>(),
});
