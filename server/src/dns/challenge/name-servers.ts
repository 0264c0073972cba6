import { Resolver } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ChallengeProblem } from "./challenge-problem.ts";
import type { ChallengeRecord } from "./record-writer.ts";

/** Finds a zone's name servers, and asks one of them. */
export interface NameServers {
  /** Addresses of the servers of the zone that the name is in; empty when DNS does not say. */
  of(name: string): Promise<string[]>;
  /** The TXT records that this server has for the name; undefined when it cannot be asked. */
  txtAt(server: string, name: string): Promise<string[] | undefined>;
}

const MAX_SERVERS = 8;
const WAIT_MS = 60_000;
const POLL_MS = 1_000;
const NO_RECORD = new Set(["ENODATA", "ENOTFOUND", "NOTFOUND", "NODATA"]);

/** @param servers `address[:port]` each, for finding name servers; none: those of the system */
export function createNameServers(servers: readonly string[]): NameServers {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const orNone = (records: Promise<string[]>) => records.catch((): string[] => []);
  return {
    async of(name) {
      const labels = name.split(".");
      for (let at = 0; at < labels.length - 1; at++) {
        const hosts = await orNone(resolver.resolveNs(labels.slice(at).join(".")));
        if (hosts.length === 0) continue;
        const addresses = await Promise.all(
          hosts.flatMap((host) => [orNone(resolver.resolve4(host)), orNone(resolver.resolve6(host))]),
        );
        return [...new Set(addresses.flat())].slice(0, MAX_SERVERS);
      }
      return [];
    },
    async txtAt(server, name) {
      const direct = new Resolver({ timeout: 2000, tries: 1 });
      direct.setServers([server]);
      try {
        return (await direct.resolveTxt(name)).map((parts) => parts.join(""));
      } catch (error) {
        return NO_RECORD.has((error as NodeJS.ErrnoException).code ?? "") ? [] : undefined;
      }
    },
  };
}

/**
 * Waits until every name server that can be asked shows the record: the authority may ask any of them, and a "no" costs an
 * attempt. Servers that cannot be asked from here do not count.
 *
 * @throws ChallengeProblem `certificate.dns_not_visible`
 */
export async function waitUntilVisible(
  nameServers: NameServers,
  { name, value }: ChallengeRecord,
  { waitMs = WAIT_MS, pollMs = POLL_MS }: { waitMs?: number; pollMs?: number } = {},
): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  let missing = await nameServers.of(name);
  for (;;) {
    const answers = await Promise.all(
      missing.map(async (server) => ({ server, texts: await nameServers.txtAt(server, name) })),
    );
    missing = answers.filter(({ texts }) => texts && !texts.includes(value)).map(({ server }) => server);
    if (missing.length === 0) return;
    if (performance.now() > deadlineMs) {
      throw new ChallengeProblem(
        "certificate.dns_not_visible",
        `the record ${name} was written, but the name server ${missing[0]} still does not show it`,
      );
    }
    await delay(pollMs);
  }
}
