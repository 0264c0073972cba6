import { randomInt } from "node:crypto";
import dnsPacket, { type Answer, type DecodedPacket, type Packet } from "dns-packet";
import { askOverTcp } from "./ask-over-tcp.ts";
import { ChallengeProblem } from "./challenge-problem.ts";
import { canonicalName } from "./dns-names.ts";
import type { ChallengeRecord, RecordWriter } from "./record-writer.ts";
import { signMessage, type TsigKey, verifyAnswer } from "./tsig.ts";

export interface DynamicUpdateSettings {
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  /** Undefined: asked for. */
  readonly zone: string | undefined;
  readonly timeoutMs?: number;
  readonly nowMs?: () => number;
}

const TIMEOUT_MS = 10_000;
const OPCODE_UPDATE = 5 << 11;
const CLASS_NONE = 254;
const HEADER_BYTES = 12;
/** The record lives for minutes; resolvers that saw it need not remember it longer. */
const RECORD_TTL_SECONDS = 60;

const rcodes: Record<number, string> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP: it takes no updates",
  5: "REFUSED: the key may not change this name",
  9: "NOTAUTH: it is not the primary server of the zone",
  10: "NOTZONE: the name is not in the zone",
};

/** Writes into a zone by dynamic update (RFC 2136), signed with TSIG (RFC 8945). */
export function dynamicUpdate(settings: DynamicUpdateSettings): RecordWriter {
  const { host, port, key, timeoutMs = TIMEOUT_MS, nowMs = Date.now } = settings;
  const server = `the DNS server ${host}:${port}`;

  async function ask(packet: Packet, finish = (message: Buffer) => message): Promise<DecodedPacket> {
    const message = finish(dnsPacket.encode({ ...packet, id: randomInt(65_536) }));
    const signed = signMessage(message, key, Math.floor(nowMs() / 1000));
    let answer: Buffer;
    try {
      answer = await askOverTcp({ host, port }, signed.message, timeoutMs);
    } catch (error) {
      throw new ChallengeProblem(
        "certificate.dns_provider_unreachable",
        `${server} does not answer: ${(error as Error).message}`,
        { cause: error },
      );
    }
    try {
      const verdict = verifyAnswer(answer, key, signed.mac, Math.floor(nowMs() / 1000));
      const rcode = answer.readUInt16BE(2) & 15;
      if (!verdict.ok) {
        // A server that refuses before it looks at the key does not sign.
        const code = rcode === 0 || rcode === 9 ? "" : ` (${rcodes[rcode] ?? `rcode ${rcode}`})`;
        throw new ChallengeProblem(
          "certificate.dns_refused",
          `${server}, key ${key.name}: ${verdict.why}${code}`,
        );
      }
      return dnsPacket.decode(answer);
    } catch (error) {
      if (error instanceof ChallengeProblem) throw error;
      throw new ChallengeProblem("certificate.dns_refused", `the answer of ${server} cannot be read`, {
        cause: error,
      });
    }
  }

  /** The zone that a name is in: the owner of the SOA that answers, or that says there is nothing (RFC 2308 §2). */
  async function zoneOf(name: string): Promise<string> {
    if (settings.zone !== undefined) return settings.zone;
    const question = { name, type: "SOA" as const, class: "IN" as const };
    const { answers = [], authorities = [] } = await ask({ type: "query", questions: [question] });
    const soa = [...answers, ...authorities].find(({ type }) => type === "SOA");
    if (soa !== undefined) return soa.name.toLowerCase();
    throw new ChallengeProblem("certificate.dns_refused", `${server} has no zone for ${name}`);
  }

  async function update(
    { name }: ChallengeRecord,
    zone: string,
    record: Answer,
    finish?: (message: Buffer) => Buffer,
  ) {
    const { flags = 0 } = await ask(
      {
        type: "query",
        flags: OPCODE_UPDATE,
        questions: [{ name: zone, type: "SOA", class: "IN" }],
        authorities: [record],
      },
      finish,
    );
    const rcode = flags & 15;
    if (rcode === 0) return;
    throw new ChallengeProblem(
      "certificate.dns_refused",
      `${server} refuses to change ${name} in the zone ${zone} (${rcodes[rcode] ?? `rcode ${rcode}`})`,
    );
  }

  return {
    async add(record) {
      const { name, value } = record;
      const zone = await zoneOf(name);
      const data = [value];
      await update(record, zone, { name, type: "TXT", class: "IN", ttl: RECORD_TTL_SECONDS, data });
      const question = { name, type: "TXT" as const, class: "IN" as const };
      const { answers = [] } = await ask({ type: "query", questions: [question] });
      const shown = answers.some((answer) => answer.type === "TXT" && textOf(answer.data) === value);
      if (shown) return;
      throw new ChallengeProblem(
        "certificate.dns_not_visible",
        `${server} took the record ${name} and does not show it`,
      );
    },
    async remove(record) {
      const { name, value } = record;
      const zone = await zoneOf(name);
      // RFC 2136 §2.5.4: class NONE deletes this one record. dns-packet has no such class.
      const classAt = HEADER_BYTES + canonicalName(zone).length + 4 + canonicalName(name).length + 2;
      await update(
        record,
        zone,
        { name, type: "TXT", class: "IN", ttl: 0, data: [value] },
        (message: Buffer) => {
          message.writeUInt16BE(CLASS_NONE, classAt);
          return message;
        },
      );
    },
  };
}

/** The strings of a TXT record are one text. */
function textOf(data: unknown): string {
  return (Array.isArray(data) ? data : [data]).map(String).join("");
}
