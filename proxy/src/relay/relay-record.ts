import type { management } from "@netbird-proxy/proto/grpc";
import type { Finding } from "../access/address-checks.ts";
import { findingMetadata } from "../access/restrict-address.ts";
import { timestamp } from "../observe/request-record.ts";
import type { Service } from "../route/service.ts";

/** What is known about a relayed connection or flow when it is over. */
export interface RelayEnd {
  readonly service: Service;
  readonly sourceAddress: string;
  readonly durationMs: number;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** Why it was refused; empty when it was not. */
  readonly verdict: string;
  readonly findings: readonly Finding[];
}

/** The access log record of a relayed connection or flow, as NetBird's proxy fills it in. */
export function relayRecord(end: RelayEnd, logId: string, nowMs: number): management.AccessLog {
  const { service } = end;
  return {
    timestamp: timestamp(nowMs),
    logId,
    accountId: service.accountId,
    serviceId: service.id,
    host: service.domain,
    path: "",
    durationMs: BigInt(Math.round(end.durationMs)),
    method: "",
    responseCode: 0,
    sourceIp: end.sourceAddress,
    authMechanism: end.verdict,
    userId: "",
    authSuccess: end.verdict === "",
    bytesUpload: BigInt(end.bytesFromClient),
    bytesDownload: BigInt(end.bytesToClient),
    protocol: service.mode,
    metadata: findingMetadata(end.findings),
    agentNetwork: false,
  };
}

const DENIALS_EVERY_MS = 10_000;
const MAX_DENIALS = 10_000;

/** A scanner makes thousands of refused connections; one record per service and reason in ten seconds tells enough. */
export class DenialThrottle {
  readonly #last = new Map<string, number>();

  admit(serviceId: string, verdict: string, nowMs: number): boolean {
    const key = `${serviceId} ${verdict}`;
    const last = this.#last.get(key);
    if (last !== undefined && nowMs - last < DENIALS_EVERY_MS) return false;
    this.#last.delete(key);
    this.#last.set(key, nowMs);
    if (this.#last.size > MAX_DENIALS) {
      const oldest = this.#last.keys().next();
      if (!oldest.done) this.#last.delete(oldest.value);
    }
    return true;
  }
}
