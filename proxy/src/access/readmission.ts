import type { Exchange } from "../exchange.ts";
import { findRoute, type Service } from "../route/service.ts";
import { type Caller, publicCaller } from "./caller.ts";
import { callerOfCertificate } from "./client-certificate.ts";
import { decide } from "./decide-access.ts";
import { rangesOnly, restrictAddress } from "./restrict-address.ts";
import { ruledRequest } from "./rules/apply-rules.ts";
import { matchRules } from "./rules/match-rules.ts";
import { callerOfToken, presentedToken } from "./service-token.ts";
import { knownSession } from "./session.ts";
import { stands } from "./standing.ts";
import { tunnelCaller } from "./tunnel-login.ts";

/**
 * Whether a connection that outlives its request would be opened anew by the service as it is now. Counts as no visit and no
 * guess: of a password, PIN or header credential, the session that came of it is judged.
 */
export async function wouldBeLetIn(x: Exchange, service: Service, nowMs: number): Promise<boolean> {
  const { access, mode, domain } = service;
  const { overlay, plain } = x.down.connection;
  if (mode !== "http" || domain !== x.service!.domain) return false;
  if (access.private ? overlay === undefined : plain) return false;
  if (isRestricted(x, service)) return false;
  const route = findRoute(service, x.path);
  if (route === undefined) return false;
  const match =
    access.rules.length === 0 ? { rule: undefined } : matchRules(access.rules, ruledRequest(x, route));
  if (match === undefined) return false;
  return decide(access, await callerNow(x, service, nowMs), match.rule).allow;
}

function isRestricted(x: Exchange, { access: { addresses } }: Service): boolean {
  if (addresses === undefined) return false;
  const inOverlay = x.down.connection.overlay !== undefined;
  // Counted when the connection was opened; this is not another visit.
  const checks = { ...x.parts.addressChecks, onFinding: () => {} };
  const rules = inOverlay ? rangesOnly(addresses) : addresses;
  return restrictAddress(rules, x.clientAddress, checks).refusal !== undefined;
}

async function callerNow(x: Exchange, service: Service, nowMs: number): Promise<Caller> {
  const { access } = service;
  if (x.sessionToken !== "") {
    const place = { service, parts: x.parts };
    if (await stands(place, x.sessionToken, nowMs))
      return knownSession(access, x.sessionToken, nowMs)?.caller ?? publicCaller;
  }
  return machineNow(x, service, nowMs) ?? publicCaller;
}

/**
 * The caller that a connection brings along itself, without a session: by token, client certificate or tunnel.
 *
 * @returns undefined when there is none (any more)
 */
export function machineNow(x: Exchange, { access }: Service, nowMs: number): Caller | undefined {
  const { connection } = x.down;
  switch (x.caller?.method) {
    case "tunnel":
      return tunnelCaller(access, connection.overlay);
    case "token": {
      const token = presentedToken(x);
      return access.serviceTokens === undefined || token === undefined
        ? undefined
        : callerOfToken(access.serviceTokens, token, nowMs);
    }
    case "certificate": {
      const found = access.clientAuthority && callerOfCertificate(connection, access.clientAuthority, nowMs);
      return found === "other-connection" ? undefined : found;
    }
    default:
      return undefined;
  }
}
