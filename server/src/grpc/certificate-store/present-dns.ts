import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { certificates } from "@netbird-proxy/proto/grpc";
import { ChallengeProblem } from "../../dns/challenge/challenge-problem.ts";
import { credentialsFor } from "../../domain/certificate-names.ts";
import {
  type DnsCredentials,
  listDnsCredentials,
  noteDnsRecord,
  updateDnsCredentials,
} from "../../store/dns-credentials.ts";
import { findServiceName, getCertificateLease } from "../../store/shared-certificates.ts";
import type { Db } from "../../store/transaction.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";
import { type AskingProxy, askingProxy } from "./asking-proxy.ts";

type Request = certificates.PresentDnsRequest;
type Response = certificates.PresentDnsResponse;

/**
 * Answers a dns-01 challenge in the user's DNS. The server does it and not the proxy, so that credentials stay in one place;
 * a proxy can have records written for names that it holds the order of, and nothing else.
 */
export function presentDns(ports: GrpcPorts): handleUnaryCall<Request, Response> {
  const { context, log, challengeDns } = ports;
  const { db } = context.store;
  return unary<Request, Response>(log, async (call) => {
    const { name, lease, value } = call.request;
    // RFC 8555 §8.4: base64url of a SHA-256.
    if (!/^[\w-]{43}$/.test(value)) {
      throw new AppError("request.invalid", "value is no digest of a key authorization", { path: "value" });
    }
    const proxy = await askingProxy(db, call);
    const found = await credentialsOfOrder(db, proxy, name, lease, context.nowMs());
    if (found === "lease-lost") return { held: false, reason: "", message: "" };
    if (found === undefined) {
      const message = `there are no DNS credentials for ${name} any more`;
      return { held: true, reason: "certificate.dns_credentials_missing", message };
    }
    const startedMs = context.nowMs();
    try {
      const at = await challengeDns.locate(name);
      const record = { lease, credentialsId: found.id, name: at, value, createdAt: startedMs };
      await noteDnsRecord(db, record);
      await challengeDns
        .publish({ name: at, value }, found)
        // Once more: the order may have ended meanwhile, and the record been removed before it was there.
        .finally(() => noteDnsRecord(db, record));
      await noteUse(db, found, startedMs, "");
      return { held: true, reason: "", message: "" };
    } catch (error) {
      if (!(error instanceof ChallengeProblem)) throw error;
      const { reason, message } = error;
      log.warn({ domain: name, code: reason, reason: message }, "challenge record could not be written");
      await noteUse(db, found, startedMs, message);
      return { held: true, reason, message };
    }
  });
}

async function credentialsOfOrder(
  db: Db,
  { cluster }: AskingProxy,
  name: string,
  lease: string,
  nowMs: number,
): Promise<DnsCredentials | "lease-lost" | undefined> {
  const held = await getCertificateLease(db, cluster, name);
  if (!held || held.lease !== lease || held.expiresAt <= nowMs) return "lease-lost";
  const service = await findServiceName(db, held.serviceId);
  if (!service) return "lease-lost";
  return credentialsFor(service.name, await listDnsCredentials(db, service.accountId));
}

async function noteUse(
  db: Db,
  { accountId, id }: DnsCredentials,
  lastUsedAt: number,
  lastError: string,
): Promise<void> {
  await updateDnsCredentials(db, accountId, id, { lastUsedAt, lastError: lastError.slice(0, 1024) });
}
