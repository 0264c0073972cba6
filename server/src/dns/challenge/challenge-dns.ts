import { setTimeout as delay } from "node:timers/promises";
import type { SecretBox } from "../../secrets/secret-box.ts";
import type { DnsCredentials } from "../../store/dns-credentials.ts";
import { createDnsLookup, type DnsLookup } from "../dns-lookup.ts";
import { followCname } from "../follow-cname.ts";
import { ChallengeProblem } from "./challenge-problem.ts";
import { createNameServers, type NameServers, waitUntilVisible } from "./name-servers.ts";
import type { ChallengeRecord } from "./record-writer.ts";
import { writerFor } from "./writer-for.ts";

/** Answers dns-01 in the DNS of users. */
export interface ChallengeDns {
  /**
   * Where the record for a certificate's name has to be: `_acme-challenge` in front of it, or what that is a CNAME to.
   * @param name may be a wildcard
   * @throws ChallengeProblem
   */
  locate(name: string): Promise<string>;
  /** Resolves when the authority can be told to look. @throws ChallengeProblem */
  publish(record: ChallengeRecord, credentials: DnsCredentials): Promise<void>;
  /** @throws ChallengeProblem */
  remove(record: ChallengeRecord, credentials: DnsCredentials): Promise<void>;
}

export interface ChallengeDnsParts {
  readonly secrets: SecretBox;
  readonly cname: Pick<DnsLookup, "resolveCname">;
  readonly nameServers: NameServers;
}

/** @param dnsServers `address[:port]` each; none: those of the system */
export function createChallengeDns(secrets: SecretBox, dnsServers: readonly string[]): ChallengeDns {
  return challengeDns({
    secrets,
    cname: createDnsLookup(dnsServers),
    nameServers: createNameServers(dnsServers),
  });
}

export function challengeDns({ secrets, cname, nameServers }: ChallengeDnsParts): ChallengeDns {
  return {
    async locate(name) {
      const start = `_acme-challenge.${name.replace(/^\*\./, "")}`;
      try {
        return (await followCname(cname, start)).at(-1) ?? start;
      } catch (error) {
        const { message } = error as Error;
        throw new ChallengeProblem("dns.lookup_failed", `the lookup of ${start} failed: ${message}`, {
          cause: error,
        });
      }
    },
    async publish(record, credentials) {
      await writerFor(credentials, secrets).add(record);
      await waitUntilVisible(nameServers, record);
      await delay(credentials.propagationSeconds * 1000);
    },
    remove: (record, credentials) => writerFor(credentials, secrets).remove(record),
  };
}
