import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import type { AccessPolicy } from "../access/policy.ts";
import type { TargetDialer } from "../forward/dial.ts";
import type { Upstream } from "../forward/upstream.ts";
import type { Probe } from "../probe/prober.ts";
import { matchPrefix, type PathPrefix } from "./path-match.ts";

/**
 * Everything a request to one service needs, made once when the mapping arrives and never changed. A changed mapping
 * makes a new object; requests under way finish on the one they started with.
 */
export interface Service {
  readonly id: ServiceId;
  readonly accountId: AccountId;
  /** Lower case. */
  readonly domain: string;
  readonly name: string;
  readonly mode: ServiceMode;
  /** TCP or UDP port of its own; 0 for HTTP, which lives on the main listener. */
  readonly listenPort: number;
  readonly access: AccessPolicy;
  readonly passHostHeader: boolean;
  readonly rewriteRedirects: boolean;
  /** Longest prefix first, each prefix once; empty for the other modes. */
  readonly routes: readonly PathRoute[];
  /** Where tcp, tls and udp services go. */
  readonly relay: RelayTarget | undefined;
  /** Connections that outlive their request: WebSockets and relays. Cut when the service goes. */
  readonly longLived: Set<LongLived>;
}

export interface LongLived {
  destroy(): void;
  /**
   * The service has another object now. With `sameAccess` the two share their set of connections; otherwise something about
   * who may use it has changed, and a connection that could be opened anew joins the new set, any other one ends.
   */
  moved(to: Service, sameAccess: boolean): void;
}

export type ServiceMode = "http" | "tcp" | "tls" | "udp";

/** One path of an HTTP service. */
export interface PathRoute {
  readonly prefix: PathPrefix;
  /** The matched prefix is cut from the path that is sent. */
  readonly strip: boolean;
  /** One or more, in the order of the mapping; they share the requests. */
  readonly targets: readonly HttpTarget[];
  /** Index of the target that is first among equals for the next request. */
  readonly turn: { next: number };
}

/** Where requests of a path go. */
export interface HttpTarget {
  readonly scheme: "http" | "https";
  /** `host[:port]` as the target names it; the Host header unless the client's is passed. */
  readonly authority: string;
  /** What goes in front of every path; empty when the target has no path. */
  readonly basePath: string;
  /** Set on every request, name and value by turns; names in lower case. */
  readonly customHeaders: readonly string[];
  readonly customHeaderNames: ReadonlySet<string>;
  readonly upstream: Upstream;
  /** Until the connection to the target stands. */
  readonly dialTimeoutMs: number;
  /** Until the first byte of the answer after the request is sent; 0: no limit. */
  readonly headerTimeoutMs: number;
  readonly probe: Probe;
  /** PathMapping.position, for reports. */
  readonly position: number;
  readonly accessLog: boolean;
}

/** Where the bytes of a tcp, tls or udp service go. */
export interface RelayTarget {
  readonly host: string;
  readonly port: number;
  readonly dialTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly dialer: TargetDialer;
  readonly proxyProtocol: boolean;
  readonly probe: Probe;
  readonly position: number;
}

/** A route and how much of the path its prefix covers. */
export interface RouteMatch {
  readonly route: PathRoute;
  readonly covered: number;
}

/** The longest matching route of a service. @param path without query */
export function findRoute(service: Service, path: string): RouteMatch | undefined {
  const { routes } = service;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    const covered = matchPrefix(path, route.prefix);
    if (covered !== -1) return { route, covered };
  }
  return undefined;
}
