import { AppError } from "@netbird-proxy/proto";
import type { PolicyAction, PolicyProtocol, PolicyResource } from "../store/policies.ts";

export interface PolicyRuleDraft {
  id?: string;
  name: string;
  description: string;
  enabled: boolean;
  bidirectional: boolean;
  action: PolicyAction;
  protocol: PolicyProtocol;
  sources?: string[];
  sourceResource?: PolicyResource;
  destinations?: string[];
  destinationResource?: PolicyResource;
  ports: string[];
  portRanges: { start: number; end: number }[];
  authorizedGroups: Record<string, string[]>;
}

export interface PolicyDraft {
  name: string;
  description: string;
  enabled: boolean;
  rules: PolicyRuleDraft[];
}

function invalid(path: string, message: string): never {
  throw new AppError("policy.invalid", message, { path });
}

/**
 * Everything that can be said without looking at groups. The first broken rule is named.
 * @throws AppError `policy.invalid`
 */
export function validatePolicy({ name, rules }: PolicyDraft): void {
  if (name === "") invalid("name", "name is required");
  if (rules.length === 0) invalid("rules", "at least one rule is required");
  for (const [index, rule] of rules.entries()) validateRule(rule, `rules[${index}]`);
}

function validateRule(rule: PolicyRuleDraft, at: string): void {
  oneSide(rule.sources, rule.sourceResource, `${at}.sources`, `${at}.sourceResource`);
  oneSide(rule.destinations, rule.destinationResource, `${at}.destinations`, `${at}.destinationResource`);
  const portsAt = rule.ports.length > 0 ? `${at}.ports` : `${at}.port_ranges`;
  const hasPorts = rule.ports.length > 0 || rule.portRanges.length > 0;
  if (rule.ports.length > 0 && rule.portRanges.length > 0) {
    invalid(`${at}.port_ranges`, "ports and port_ranges exclude each other");
  }
  if (hasPorts && (rule.protocol === "all" || rule.protocol === "icmp")) {
    invalid(portsAt, `a rule for protocol ${rule.protocol} has no ports`);
  }
  for (const [index, port] of rule.ports.entries()) {
    if (!/^\d{1,5}$/.test(port) || !isPort(Number(port))) {
      invalid(`${at}.ports[${index}]`, `${JSON.stringify(port)} is no port from 1 to 65535`);
    }
  }
  for (const [index, { start, end }] of rule.portRanges.entries()) {
    const rangeAt = `${at}.port_ranges[${index}]`;
    if (!isPort(start)) invalid(`${rangeAt}.start`, `${start} is no port from 1 to 65535`);
    if (!isPort(end)) invalid(`${rangeAt}.end`, `${end} is no port from 1 to 65535`);
    if (start > end) invalid(`${rangeAt}.end`, `the range ends at ${end}, before its start ${start}`);
  }
  validateAuthorizedGroups(rule, `${at}.authorized_groups`);
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** Groups or one resource: an empty list of groups counts as sent. */
function oneSide(
  groups: readonly string[] | undefined,
  resource: PolicyResource | undefined,
  groupsAt: string,
  resourceAt: string,
): void {
  if (groups && resource) invalid(resourceAt, "groups and a resource exclude each other");
  if (!groups && !resource) invalid(groupsAt, "groups or a resource are required");
}

function validateAuthorizedGroups(rule: PolicyRuleDraft, at: string): void {
  if (Object.keys(rule.authorizedGroups).length === 0) return;
  if (rule.protocol !== "netbird-ssh") invalid(at, "only rules for netbird-ssh have authorized groups");
  const missing = rule.sources?.find((group) => !Object.hasOwn(rule.authorizedGroups, group));
  if (missing !== undefined) invalid(at, `the source group ${missing} has no entry`);
}
