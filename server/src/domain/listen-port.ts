import type { ServiceMode } from "../store/services.ts";
import type { Random } from "./overlay-address.ts";

export interface PortRange {
  first: number;
  last: number;
}

export const DEFAULT_PORT_RANGE: PortRange = { first: 10_000, last: 49_151 };

export interface UsedPort {
  id: string;
  mode: ServiceMode;
  listenPort: number;
  domainKey: string;
}

/** A port that no service of the cluster uses in any mode: random, then the first free one. */
export function chooseListenPort(
  used: readonly UsedPort[],
  { first, last }: PortRange,
  random: Random,
): number | undefined {
  const taken = new Set(used.map(({ listenPort }) => listenPort));
  const size = last - first + 1;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = first + random(size);
    if (!taken.has(port)) return port;
  }
  for (let port = first; port <= last; port += 1) if (!taken.has(port)) return port;
  return undefined;
}

/** The service that has the port: same mode, and for tls also the same name, since SNI tells others apart. */
export function findPortConflict(
  used: readonly UsedPort[],
  wanted: { id: string; mode: ServiceMode; listenPort: number; domainKey: string },
): UsedPort | undefined {
  return used.find(
    (other) =>
      other.id !== wanted.id &&
      other.mode === wanted.mode &&
      other.listenPort === wanted.listenPort &&
      (wanted.mode !== "tls" || other.domainKey === wanted.domainKey),
  );
}
