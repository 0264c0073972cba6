import { tcpPair } from "./tcp-pair.ts";

/** One row: a path and what came through it, in simulated time. */
export interface ThroughputRow {
  readonly path: string;
  readonly megabitsPerSecond: number;
  /** Datagrams the sender needed per datagram an ideal sender would. */
  readonly overhead: number;
}

const BYTES = 10_000_000;
const SEED = 20_260_101;
const SEGMENT_BYTES = 1380;
const LIMIT_MS = 24 * 3_600_000;

interface Path {
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** Less data on paths where 10 MB would take hours of simulated time. */
  readonly bytes?: number;
}

const PATHS: readonly Path[] = [
  {},
  { loss: 0.001 },
  { loss: 0.01 },
  { loss: 0.02 },
  { loss: 0.05 },
  { loss: 0.1 },
  { loss: 0.15, bytes: 2_000_000 },
  { loss: 0.2, bytes: 2_000_000 },
  { loss: 0.3, bytes: 1_000_000 },
  { reorder: 0.05 },
  { duplicate: 0.05 },
  { loss: 0.01, reorder: 0.02, duplicate: 0.01 },
  { loss: 0.05, reorder: 0.02, duplicate: 0.01 },
];

/**
 * Both ends ours, 100 Mbit/s and 20 ms round trip with a queue of one round trip; loss, reordering (by 5 ms) and repetition
 * in both directions.
 * @throws {Error} when a transfer does not complete with every byte right
 */
export function throughputTable(): ThroughputRow[] {
  return PATHS.map((path) => {
    const bytes = path.bytes ?? BYTES;
    const { client, server, simulation, alice } = tcpPair({
      seed: SEED,
      clientBytes: bytes,
      link: { delayMs: 10, megabitsPerSecond: 100, queueBytes: 250_000, reorderMs: 5, ...path },
    });
    const startMs = simulation.nowMs;
    const done = simulation.runUntil(() => server().ended, LIMIT_MS);
    const { received, firstWrong } = server();
    const name = describe(path);
    if (!done || received !== bytes || firstWrong >= 0) {
      throw new Error(`${name}: ${received} of ${bytes} bytes, first wrong ${firstWrong}, ${client.failure}`);
    }
    const rate = (bytes * 8) / 1000 / (simulation.nowMs - startMs);
    return {
      path: name,
      megabitsPerSecond: Number(rate.toPrecision(3)),
      overhead: Number((alice.datagramsSent / Math.ceil(bytes / SEGMENT_BYTES)).toFixed(3)),
    };
  });
}

function describe({ loss, reorder, duplicate }: Path): string {
  const share = (value: number | undefined, what: string) =>
    value === undefined ? [] : [`${value * 100} % ${what}`];
  const parts = [...share(loss, "lost"), ...share(reorder, "reordered"), ...share(duplicate, "repeated")];
  return parts.length === 0 ? "clean" : parts.join(", ");
}
