import { management } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import { type CompileParts, compileService, disposeService, type Rejection } from "./compile-service.ts";
import { buildTable, type HostTable, type TableHolder } from "./host-table.ts";
import type { Service } from "./service.ts";

/** A mapping that is being served. */
export interface Served {
  readonly service: Service;
  /** Revision of the mapping that the service was made from. */
  readonly revision: bigint;
  /** The mapping without what does not change the service; for comparison and for the disk. */
  readonly bytes: Buffer;
}

/** Opens and closes the ports that services of their own need. */
export interface PortKeeper {
  /**
   * Opens what the services need and is not open yet.
   * @returns services whose port cannot be had, with the reason
   */
  open(services: Iterable<Service>): Promise<Map<Service, Rejection>>;
  /** Closes what the table no longer needs. */
  closeUnused(table: HostTable): void;
}

export interface RegistryParts {
  readonly compile: CompileParts;
  readonly table: TableHolder;
  readonly ports: PortKeeper;
  readonly log: Logger;
}

/**
 * All services of this proxy. Mappings come in as batches; each batch is worked out aside and then takes effect with
 * one assignment. A mapping that cannot be served is refused by name, and the version before it stays.
 */
export class ServiceRegistry {
  readonly #parts: RegistryParts;
  #served = new Map<string, Served>();
  readonly #rejected = new Map<string, Rejection>();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  get served(): ReadonlyMap<string, Served> {
    return this.#served;
  }

  /** The newest mapping of these services was refused. */
  get rejected(): ReadonlyMap<string, Rejection> {
    return this.#rejected;
  }

  /**
   * Applies a batch: created and modified mappings replace, removed ones go by id.
   *
   * @param retain when given, every service whose id is not in it is removed too: the end of a snapshot
   * @returns ids whose state changed
   */
  async apply(
    mappings: readonly management.ProxyMapping[],
    retain?: ReadonlySet<string>,
  ): Promise<Set<string>> {
    const next = new Map(this.#served);
    const changed = new Set<string>();
    const made = new Map<string, Served>();
    for (const mapping of mappings) {
      if (mapping.type === management.ProxyMappingUpdateType.UPDATE_TYPE_REMOVED) {
        changed.add(mapping.id);
        next.delete(mapping.id);
        this.#rejected.delete(mapping.id);
      } else if (
        mapping.type === management.ProxyMappingUpdateType.UPDATE_TYPE_CREATED ||
        mapping.type === management.ProxyMappingUpdateType.UPDATE_TYPE_MODIFIED
      ) {
        changed.add(mapping.id);
        this.#stage(mapping, next, made);
      }
    }
    if (retain !== undefined) {
      for (const id of [...next.keys(), ...this.#rejected.keys()]) {
        if (retain.has(id)) continue;
        changed.add(id);
        next.delete(id);
        this.#rejected.delete(id);
      }
    }
    await this.#openPorts(next, made);
    this.#commit(next, made);
    return changed;
  }

  #stage(mapping: management.ProxyMapping, next: Map<string, Served>, made: Map<string, Served>): void {
    const { id } = mapping;
    const bytes = comparable(mapping);
    const current = next.get(id);
    if (current?.bytes.equals(bytes)) {
      this.#rejected.delete(id);
      // Only the revision moved on: pools, WebSockets and sessions stay with the object.
      if (current.revision !== mapping.revision) next.set(id, { ...current, revision: mapping.revision });
      return;
    }
    const longLived = current && sameAccess(current, mapping) ? current.service.longLived : undefined;
    const compiled = compileService(mapping, this.#parts.compile, longLived);
    if (!compiled.ok) {
      this.#reject(mapping, compiled.rejection);
      return;
    }
    const replaced = made.get(id);
    if (replaced !== undefined) disposeService(replaced.service, this.#parts.compile.prober);
    const served: Served = { service: compiled.service, revision: mapping.revision, bytes };
    made.set(id, served);
    next.set(id, served);
    this.#rejected.delete(id);
  }

  #reject(mapping: { id: string; domain: string }, rejection: Rejection): void {
    this.#rejected.set(mapping.id, rejection);
    this.#parts.log.warn(
      { serviceId: mapping.id, domain: mapping.domain, code: rejection.code, reason: rejection.message },
      "mapping refused; the version before it stays",
    );
  }

  async #openPorts(next: Map<string, Served>, made: Map<string, Served>): Promise<void> {
    const refused = await this.#parts.ports.open([...made.values()].map(({ service }) => service));
    for (const [service, rejection] of refused) {
      const before = this.#served.get(service.id);
      if (before === undefined) next.delete(service.id);
      else next.set(service.id, before);
      made.delete(service.id);
      disposeService(service, this.#parts.compile.prober);
      this.#reject(service, rejection);
    }
  }

  #commit(next: Map<string, Served>, made: Map<string, Served>): void {
    const before = this.#served;
    const table = buildTable(next.values());
    this.#served = next;
    this.#parts.table.current = table;
    this.#parts.ports.closeUnused(table);
    for (const [id, { service }] of before) {
      const now = next.get(id)?.service;
      if (now === service) continue;
      disposeService(service, this.#parts.compile.prober);
      for (const connection of [...service.longLived]) {
        if (now === undefined) connection.destroy();
        else connection.moved(now, now.longLived === service.longLived);
      }
    }
    for (const [id, served] of made) {
      if (next.get(id)?.service !== served.service)
        disposeService(served.service, this.#parts.compile.prober);
    }
  }

  /** Releases everything. */
  async close(): Promise<void> {
    await this.apply([], new Set());
  }
}

/** The encoded mapping without what may differ between two deliveries of the same configuration. */
export function comparable(mapping: management.ProxyMapping): Buffer {
  return Buffer.from(
    management.ProxyMapping.encode({
      ...mapping,
      type: management.ProxyMappingUpdateType.UPDATE_TYPE_CREATED,
      authToken: "",
      revision: 0n,
    }).finish(),
  );
}

function sameAccess(current: Served, mapping: management.ProxyMapping): boolean {
  const access = (from: management.ProxyMapping) =>
    Buffer.from(
      management.ProxyMapping.encode({
        ...management.ProxyMapping.fromPartial({}),
        domain: from.domain,
        mode: from.mode,
        listenPort: from.listenPort,
        // A new key ends no session, so it ends no WebSocket either.
        auth: from.auth && {
          ...from.auth,
          sessionKey: "",
          formerSessionKeys: [],
          identityKey: Buffer.alloc(0),
        },
        accessRestrictions: from.accessRestrictions,
        accessRules: from.accessRules,
        private: from.private,
        tunnelLogin: from.tunnelLogin,
      }).finish(),
    );
  return access(management.ProxyMapping.decode(current.bytes)).equals(access(mapping));
}
