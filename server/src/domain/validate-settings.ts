import { AppError } from "@netbird-proxy/proto";
import type { KeptSettings } from "./account-defaults.ts";
import { type Branding, brandingProblem } from "./branding.ts";
import { isDomainName } from "./domain-name.ts";

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
// NetBird's clients keep durations as nanoseconds in 64 bits.
const MAX_INACTIVITY_S = 9_223_372_036;

// Semantic Versioning 2.0.0, with the "v" that NetBird's tags carry allowed.
const VERSION = /^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

function invalid(path: string, message: string, hint?: string): never {
  throw new AppError("account.invalid", message, { path: `settings.${path}`, ...(hint ? { hint } : {}) });
}

/** What can be said without looking at groups and addresses. @throws AppError `account.invalid` */
export function validateSettings(
  settings: Omit<KeptSettings, "extra" | keyof Branding> & Partial<Branding>,
): void {
  const { peer_login_expiration: expiration, dns_domain: domain, auto_update_version: version } = settings;
  if (expiration < HOUR_S || expiration > 180 * DAY_S) {
    invalid("peer_login_expiration", `${expiration} seconds are not 1 hour to 180 days`);
  }
  const branding = brandingProblem(settings);
  if (branding) invalid(branding.setting, branding.why);
  const inactivity = settings.peer_inactivity_expiration;
  if (inactivity < 0 || inactivity > MAX_INACTIVITY_S) {
    invalid("peer_inactivity_expiration", `${inactivity} seconds are not 0 to ${MAX_INACTIVITY_S}`);
  }
  if (domain !== "" && !isDomainName(domain)) {
    invalid("dns_domain", `${JSON.stringify(domain)} is no domain name`);
  }
  if (settings.peer_expose_enabled && !settings.peer_expose_groups?.length) {
    invalid("peer_expose_groups", "peers that may expose services must be in a group that is named here");
  }
  if (version !== "" && version !== "latest" && version !== "disabled" && !VERSION.test(version)) {
    invalid(
      "auto_update_version",
      `${JSON.stringify(version)} is no version`,
      "Write latest, disabled, or a version such as 0.60.1.",
    );
  }
}
