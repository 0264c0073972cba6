import type { ServiceRequest } from "@netbird-proxy/proto/rest";
import type { ServiceMode, StoredRequestRate, StoredRestrictions } from "../store/services.ts";
import { invalid } from "./invalid-service.ts";
import { hasHostBits, parseNetwork } from "./ip-network.ts";

const MAX_CIDRS = 200;
const MAX_REQUEST_RATE = 1_000_000;
const MAX_COUNTRIES = 50;

/**
 * @returns null when nothing is restricted
 * @throws AppError `service.invalid` with the path of the first field that is wrong
 */
export function validateRestrictions(
  mode: ServiceMode,
  request: ServiceRequest["access_restrictions"],
): StoredRestrictions | null {
  if (!request) return null;
  const cidrs = (member: "allowed_cidrs" | "blocked_cidrs") => {
    const list = request[member] ?? [];
    const at = `access_restrictions.${member}`;
    if (list.length > MAX_CIDRS) invalid(at, `at most ${MAX_CIDRS} entries`);
    for (const [index, text] of list.entries()) {
      const network = parseNetwork(text);
      if (!network) invalid(`${at}[${index}]`, `${JSON.stringify(text)} is no CIDR such as 192.0.2.0/24`);
      else if (hasHostBits(network)) invalid(`${at}[${index}]`, `${text} has bits set behind its prefix`);
    }
    return list;
  };
  const countries = (member: "allowed_countries" | "blocked_countries") => {
    const list = request[member] ?? [];
    const at = `access_restrictions.${member}`;
    if (list.length > MAX_COUNTRIES) invalid(at, `at most ${MAX_COUNTRIES} entries`);
    for (const [index, text] of list.entries()) {
      if (!/^[a-z]{2}$/i.test(text)) {
        invalid(`${at}[${index}]`, `${JSON.stringify(text)} is no two-letter country code`);
      }
    }
    return list.map((text) => text.toUpperCase());
  };
  const stored: StoredRestrictions = {
    allowedCidrs: cidrs("allowed_cidrs"),
    blockedCidrs: cidrs("blocked_cidrs"),
    allowedCountries: countries("allowed_countries"),
    blockedCountries: countries("blocked_countries"),
    crowdsecMode: request.crowdsec_mode ?? null,
    cidrMode: request.cidr_mode ?? null,
    countryMode: request.country_mode ?? null,
    requestRate: checkRequestRate(mode, request.request_rate),
  };
  const lists = [stored.allowedCidrs, stored.blockedCidrs, stored.allowedCountries, stored.blockedCountries];
  const modes = [stored.crowdsecMode, stored.cidrMode, stored.countryMode];
  const nothing =
    modes.every((mode) => mode === null) && lists.every((list) => list.length === 0) && !stored.requestRate;
  return nothing ? null : stored;
}

function checkRequestRate(
  serviceMode: ServiceMode,
  request: NonNullable<ServiceRequest["access_restrictions"]>["request_rate"],
): StoredRequestRate | null {
  if (!request) return null;
  if (serviceMode !== "http") {
    invalid("access_restrictions.request_rate", `there are no requests to count in ${serviceMode} mode`);
  }
  const { per_minute: perMinute, burst = null, mode = null } = request;
  for (const [member, value] of [
    ["per_minute", perMinute],
    ["burst", burst],
  ] as const) {
    if (value !== null && (value < 1 || value > MAX_REQUEST_RATE)) {
      invalid(
        `access_restrictions.request_rate.${member}`,
        `${member} is a number from 1 to ${MAX_REQUEST_RATE}`,
      );
    }
  }
  return { perMinute, burst, mode };
}
