import type { agent } from "@netbird-proxy/proto/grpc";
import { type IpPrefix, parseIpPrefix } from "./ip-prefix.ts";

/** A connection or flow as it arrives from the tunnel. */
export interface AccessRequest {
  protocol: "tcp" | "udp";
  source: string;
  destination: string;
  port: number;
}

export type AccessDecision =
  | { allow: true }
  /** Which part of the request no rule covered, for the log: the nearest miss counts. */
  | { allow: false; why: "destination" | "protocol" | "port" | "source" };

/** A rule with its prefixes parsed. */
export interface CompiledRule {
  destination: IpPrefix;
  protocol: "tcp" | "udp";
  portFirst: number;
  portLast: number;
  sources: readonly IpPrefix[];
}

const nearness = ["destination", "protocol", "port", "source"] as const;

/**
 * Closed unless a rule allows it: destination, protocol, port and source must all be covered by one rule.
 */
export function decideAccess(rules: readonly CompiledRule[], request: AccessRequest): AccessDecision {
  let nearest = 0;
  for (const rule of rules) {
    const misses = firstMiss(rule, request);
    if (misses === undefined) return { allow: true };
    nearest = Math.max(nearest, nearness.indexOf(misses));
  }
  return { allow: false, why: nearness[nearest]! };
}

function firstMiss(rule: CompiledRule, request: AccessRequest): (typeof nearness)[number] | undefined {
  if (!rule.destination.contains(request.destination)) return "destination";
  if (rule.protocol !== request.protocol) return "protocol";
  if (request.port < rule.portFirst || request.port > rule.portLast) return "port";
  if (!rule.sources.some((source) => source.contains(request.source))) return "source";
  return undefined;
}

export interface CompiledRules {
  rules: CompiledRule[];
  /** Rules that cannot be read; they allow nothing. */
  unreadable: agent.AccessRule[];
}

/** A rule that cannot be read allows nothing; a source that cannot be read drops out of its rule. */
export function compileRules(rules: readonly agent.AccessRule[]): CompiledRules {
  const compiled: CompiledRules = { rules: [], unreadable: [] };
  for (const rule of rules) {
    const destination = parseIpPrefix(rule.destination);
    const sources = rule.sources.map(parseIpPrefix).filter((source) => source !== undefined);
    const { protocol, portFirst, portLast } = rule;
    const readable =
      destination !== undefined &&
      (protocol === "tcp" || protocol === "udp") &&
      portFirst >= 1 &&
      portFirst <= portLast &&
      portLast <= 65_535;
    if (!readable || sources.length !== rule.sources.length) compiled.unreadable.push(rule);
    if (readable) compiled.rules.push({ destination, protocol, portFirst, portLast, sources });
  }
  return compiled;
}
