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
  const samePlace =
    now.mode === before.mode && now.listenPort === before.listenPort && now.domain === before.domain;
  // Counted when it was opened; this is not another visit.
  return samePlace && refuseRelay(now, clientAddress, { ...checks, onFinding: () => {} }).verdict === "";
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
  const { refusal, findings } = restrictAddress(access.addresses, clientAddress, checks);
  return { verdict: refusal?.slice("access.".length) ?? "", findings };
}
