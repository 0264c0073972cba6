import type { Service } from "./service.ts";

/**
 * What every request is looked up in. Never changed, only replaced as a whole by one assignment, so that no request
 * meets half of a change.
 */
export interface HostTable {
  /** By domain, lower case. */
  readonly http: ReadonlyMap<string, Service>;
  /** Per port, by domain: TLS that is passed through. */
  readonly tls: ReadonlyMap<number, ReadonlyMap<string, Service>>;
  /** Per port: everything else that arrives there. */
  readonly tcp: ReadonlyMap<number, Service>;
  readonly udp: ReadonlyMap<number, Service>;
  /** Some service takes client certificates: the name has to be known before the handshake. */
  readonly hasClientAuthorities: boolean;
}

export const emptyTable: HostTable = {
  http: new Map(),
  tls: new Map(),
  tcp: new Map(),
  udp: new Map(),
  hasClientAuthorities: false,
};

/** The one place that is assigned to when configuration changes. */
export interface TableHolder {
  current: HostTable;
}

/**
 * Sorts services into the table. Of two that claim the same place, the one with the later revision has it.
 */
export function buildTable(served: Iterable<{ service: Service; revision: bigint }>): HostTable {
  const http = new Map<string, Service>();
  const tls = new Map<number, Map<string, Service>>();
  const tcp = new Map<number, Service>();
  const udp = new Map<number, Service>();
  const revisions = new Map<Service, bigint>();
  const put = <K>(places: Map<K, Service>, place: K, service: Service, revision: bigint) => {
    const there = places.get(place);
    if (there !== undefined && revisions.get(there)! > revision) return;
    places.set(place, service);
    revisions.set(service, revision);
  };
  for (const { service, revision } of served) {
    const { mode, domain, listenPort } = service;
    if (mode === "http") put(http, domain, service, revision);
    else if (mode === "tcp") put(tcp, listenPort, service, revision);
    else if (mode === "udp") put(udp, listenPort, service, revision);
    else {
      const names = tls.get(listenPort) ?? new Map<string, Service>();
      put(names, domain, service, revision);
      tls.set(listenPort, names);
    }
  }
  const hasClientAuthorities = [...http.values()].some(({ access }) => access.clientAuthority !== undefined);
  return { http, tls, tcp, udp, hasClientAuthorities };
}
