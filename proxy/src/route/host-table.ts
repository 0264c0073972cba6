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
}

export const emptyTable: HostTable = {
  http: new Map(),
  tls: new Map(),
  tcp: new Map(),
  udp: new Map(),
};

/** The one place that is assigned to when configuration changes. */
export interface TableHolder {
  current: HostTable;
}

/**
 * Sorts services into the table. Of two that claim the same place, the later one of `services` has it: the caller puts
 * them in the order of their revision.
 */
export function buildTable(services: Iterable<Service>): HostTable {
  const http = new Map<string, Service>();
  const tls = new Map<number, Map<string, Service>>();
  const tcp = new Map<number, Service>();
  const udp = new Map<number, Service>();
  for (const service of services) {
    if (service.mode === "http") http.set(service.domain, service);
    else if (service.mode === "tcp") tcp.set(service.listenPort, service);
    else if (service.mode === "udp") udp.set(service.listenPort, service);
    else {
      const names = tls.get(service.listenPort) ?? new Map<string, Service>();
      names.set(service.domain, service);
      tls.set(service.listenPort, names);
    }
  }
  return { http, tls, tcp, udp };
}
