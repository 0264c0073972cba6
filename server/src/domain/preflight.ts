import { type ReasonCode, reasonCodes } from "@netbird-proxy/proto";
import type { AcmeReport } from "./acme-report.ts";
import { caaForbids, type FoundCaa } from "./caa.ts";

export interface PreflightCheck {
  name: "domain" | "cluster" | "dns" | "certificate" | "caa" | "challenge" | "authority";
  ok: boolean;
  /** `ok`, or a code of the catalogue. */
  code: string;
  message: string;
  /** Empty when it is ok. */
  hint: string;
}

/** What was found out about a name before anything is ordered for it. */
export interface PreflightInput {
  domain: string;
  /** Refused for this reason, before anything else is looked at. */
  refused?: { code: string; message: string; hint: string };
  cluster: { address: string; connected: number } | undefined;
  names: { domain: readonly string[]; cluster: readonly string[] } | { failed: string };
  /** What would serve the name without an order. */
  certificate: { source: string; notAfter: number } | undefined;
  acme: AcmeReport | undefined;
  /** What would be ordered: the domain, or a wildcard for it. */
  orderName: string;
  /** dns-01 with these. */
  credentials: { domain: string; lastError: string } | undefined;
  caa: { found: FoundCaa | undefined } | { failed: string } | undefined;
  /** Per address; undefined: not asked. */
  answers: ReadonlyMap<string, string | undefined> | undefined;
  nowMs: number;
}

/** The way to a certificate, one check after the other, up to where the next one would say nothing new. */
export function preflightChecks(input: PreflightInput): PreflightCheck[] {
  const { refused, cluster, domain } = input;
  if (refused) return [{ name: "domain", ok: false, ...refused }];
  const first = ok("domain", `${domain} may be used`);
  if (!cluster || cluster.connected === 0) {
    const address = cluster ? cluster.address : "a cluster";
    return [first, bad("cluster", "service.no_proxy_connected", `no proxy of ${address} is connected`)];
  }
  return [
    first,
    ok("cluster", `${domain} belongs to ${cluster.address}, ${cluster.connected} proxies connected`),
    checkNames(input),
    ...checkOrder(input),
  ];
}

function ok(name: PreflightCheck["name"], message: string): PreflightCheck {
  return { name, ok: true, code: "ok", message, hint: "" };
}

function bad(name: PreflightCheck["name"], code: ReasonCode, message: string): PreflightCheck {
  return { name, ok: false, code, message, hint: reasonCodes[code].hint };
}

/** Every address has to be the cluster's: the authority chooses one. */
function checkNames({ domain, cluster, names }: PreflightInput): PreflightCheck {
  if ("failed" in names) return bad("dns", "dns.lookup_failed", names.failed);
  if (names.domain.length === 0) return bad("dns", "dns.unresolved", `${domain} has no address in DNS`);
  const strangers = names.domain.filter((address) => !names.cluster.includes(address));
  if (strangers.length === 0) return ok("dns", `${domain} leads to ${names.domain.join(", ")}`);
  const own = names.cluster.length === 0 ? "no address" : names.cluster.join(", ");
  return bad(
    "dns",
    "dns.elsewhere",
    `${domain} leads to ${strangers.join(", ")}; ${cluster!.address} has ${own}`,
  );
}

function checkOrder(input: PreflightInput): PreflightCheck[] {
  const { certificate, acme, orderName, nowMs } = input;
  if (certificate) {
    const until = new Date(certificate.notAfter).toISOString();
    const message = `there is one already (${certificate.source}), valid until ${until}`;
    if (certificate.notAfter > nowMs) return [ok("certificate", message)];
    return [bad("certificate", "certificate.expired", message)];
  }
  if (!acme) {
    return [
      bad(
        "certificate",
        "certificate.missing",
        "no uploaded certificate covers it, and the proxies order none: unless they have a file for it, it cannot be served",
      ),
    ];
  }
  const how = input.credentials ? "dns-01" : acme.challenge;
  return [
    ok("certificate", `one for ${orderName} will be ordered from ${acme.directoryUrl} with ${how}`),
    checkCaa(input, acme),
    checkChallenge(input, acme),
    checkAuthority(acme, nowMs),
  ];
}

function checkCaa({ caa, orderName }: PreflightInput, acme: AcmeReport): PreflightCheck {
  if (caa && "failed" in caa) return bad("caa", "dns.lookup_failed", caa.failed);
  const found = caa?.found;
  if (!found) return ok("caa", "no CAA record restricts who may issue");
  if (acme.caaIdentities.length === 0) {
    return ok("caa", `${found.at} has CAA records; the authority does not say what they have to name`);
  }
  const forbidden = caaForbids(found.records, acme.caaIdentities, orderName.startsWith("*."));
  if (forbidden === undefined) return ok("caa", `the CAA records of ${found.at} allow the authority`);
  const wanted = acme.caaIdentities.join(" or ");
  return bad(
    "caa",
    "certificate.caa_forbids",
    `the CAA record of ${found.at} forbids it: ${forbidden}, and ${wanted} is wanted`,
  );
}

function checkChallenge({ credentials, answers }: PreflightInput, acme: AcmeReport): PreflightCheck {
  if (credentials) {
    const { domain, lastError } = credentials;
    if (lastError === "") return ok("challenge", `the DNS credentials for ${domain} will be used`);
    return bad(
      "challenge",
      "certificate.dns_refused",
      `the DNS credentials for ${domain} failed when they were last used: ${lastError}`,
    );
  }
  if (acme.challenge === "dns-01") {
    return bad(
      "challenge",
      "certificate.dns_credentials_missing",
      "the proxies order with dns-01 only, and there are no DNS credentials for the name",
    );
  }
  if (!answers)
    return bad("challenge", "certificate.unreachable", "not tried, as the name does not lead to the cluster");
  const failed = [...answers].flatMap(([address, problem]) =>
    problem === undefined ? [] : [`${address}: ${problem}`],
  );
  if (failed.length === 0) {
    return ok("challenge", `${acme.challenge} was answered at ${[...answers.keys()].join(", ")}`);
  }
  return bad(
    "challenge",
    "certificate.unreachable",
    `${acme.challenge} was not answered: ${failed.join("; ")}`,
  );
}

function checkAuthority(acme: AcmeReport, nowMs: number): PreflightCheck {
  const { ordersInFlight, ordersWaiting, maxOrders, pausedUntil, pausedReason, pausedMessage } = acme;
  if (pausedUntil !== null && pausedUntil > nowMs) {
    const code = pausedReason in reasonCodes ? (pausedReason as ReasonCode) : "certificate.rate_limited";
    return bad("authority", code, `no order before ${new Date(pausedUntil).toISOString()}: ${pausedMessage}`);
  }
  return ok("authority", `${ordersInFlight} of ${maxOrders} orders under way, ${ordersWaiting} waiting`);
}
