import type { AddressChecks, Finding } from "../access/address-checks.ts";
import { restrictAddress } from "../access/restrict-address.ts";
import type { Service } from "../route/service.ts";

export interface RelayOutcome {
  /** Why it is refused, for the access log; empty when nothing speaks against it. */
  readonly verdict: string;
  readonly findings: readonly Finding[];
}

/** Whether a client whose connection is carried already could open it anew after its service has changed. */
export function mayBeRelayed(
  now: Service,
  before: Service,
  clientAddress: string,
  checks: AddressChecks,
): boolean {
  const { access, mode, listenPort, domain } = now;
  if (mode !== before.mode || listenPort !== before.listenPort || domain !== before.domain) return false;
  if (access.private || access.authenticated) return false;
  if (access.addresses === undefined) return true;
  // Counted when it was opened; this is not another visit.
  const silent = { ...checks, onFinding: () => {} };
  const { refusal, suspicion } = restrictAddress(access.addresses, clientAddress, silent);
  return refusal === undefined && suspicion !== "captcha";
}

/**
 * Whether a client may use a service without HTTP. There is no login on this level: a service that asks for one, or that
 * is private, is closed here.
 */
export function refuseRelay(service: Service, clientAddress: string, checks: AddressChecks): RelayOutcome {
  const { access } = service;
  if (access.private) return { verdict: "private", findings: [] };
  if (access.authenticated) return { verdict: "login_required", findings: [] };
  if (access.addresses === undefined) return { verdict: "", findings: [] };
  const { refusal, suspicion, findings } = restrictAddress(access.addresses, clientAddress, checks);
  if (refusal !== undefined) return { verdict: refusal.slice("access.".length), findings };
  // Nobody can sign in here, so a captcha stays a refusal.
  const isSlowed =
    suspicion === "captcha" ||
    (suspicion === "throttle" && checks.suspects.waitSeconds(suspicion, clientAddress, Date.now()) > 0);
  if (!isSlowed) return { verdict: "", findings };
  const finding: Finding = { restriction: "crowdsec", verdict: `crowdsec_${suspicion}`, mode: "enforce" };
  checks.onFinding(finding);
  return { verdict: finding.verdict, findings: [...findings, finding] };
}
