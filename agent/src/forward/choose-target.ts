import type { agent } from "@netbird-proxy/proto/grpc";
import { type IpPrefix, parseIpPrefix } from "./ip-prefix.ts";

/** Where a connection that the rules allow goes on this side. */
export type Target =
  /** A service on this host. */
  | { kind: "own-host" }
  /** An address in a network behind this host. */
  | { kind: "address"; address: string }
  /** A name that this host resolves. */
  | { kind: "name"; name: string }
  /** `wildcard`: the virtual address stands for many names and says nothing about which. */
  | { kind: "none"; why: "no-route" | "wildcard" };

export interface RouteTable {
  ownAddresses: readonly IpPrefix[];
  /** Most specific first. */
  routes: readonly { prefix: IpPrefix; domain: string }[];
}

/** Routes that cannot be read route nothing. */
export function compileRoutes(
  state: Pick<agent.AgentState, "address" | "addressV6" | "routes">,
): RouteTable & { unreadable: agent.AgentRoute[] } {
  const routes: { prefix: IpPrefix; domain: string }[] = [];
  const unreadable: agent.AgentRoute[] = [];
  for (const route of state.routes) {
    const prefix = parseIpPrefix(route.prefix);
    if (prefix === undefined) unreadable.push(route);
    else routes.push({ prefix, domain: route.domain.toLowerCase().replace(/\.$/, "") });
  }
  routes.sort((a, b) => b.prefix.length - a.prefix.length);
  const ownAddresses = [state.address, state.addressV6]
    .map(parseIpPrefix)
    .filter((prefix) => prefix !== undefined);
  return { ownAddresses, routes, unreadable };
}

export function chooseTarget({ ownAddresses, routes }: RouteTable, destination: string): Target {
  if (ownAddresses.some((own) => own.contains(destination))) return { kind: "own-host" };
  const route = routes.find(({ prefix }) => prefix.contains(destination));
  if (route === undefined) return { kind: "none", why: "no-route" };
  if (route.domain === "") return { kind: "address", address: destination };
  if (route.domain.startsWith("*")) return { kind: "none", why: "wildcard" };
  return { kind: "name", name: route.domain };
}
