import { setTimeout as delay } from "node:timers/promises";
import type { handleServerStreamingCall } from "@grpc/grpc-js";
import type { CertificateId } from "@netbird-proxy/proto";
import type { certificates } from "@netbird-proxy/proto/grpc";
import { listDnsCredentials } from "../../store/dns-credentials.ts";
import type { RevisionEntry } from "../../store/revisions.ts";
import { type Db, inSnapshot } from "../../store/transaction.ts";
import {
  findUploadedCertificates,
  listCertificateOutlines,
  listServedNames,
  UPLOADED_KEY_PURPOSE,
} from "../../store/uploaded-certificates.ts";
import type { GrpcPorts } from "../ports.ts";
import type { ProxySession, ProxySessions } from "../proxy-sessions.ts";
import { type StreamLife, serveStream } from "../serve-call.ts";
import { type AskingProxy, askingProxy } from "./asking-proxy.ts";

type Request = certificates.WatchUploadedRequest;
type Response = certificates.UploadedChanges;

export interface UploadedPorts extends GrpcPorts {
  uploadedSessions: ProxySessions<ProxySession>;
}

/** Changes that come close together, such as those of one `terraform apply`, are told at once. */
const DEBOUNCE_MS = 50;
/** Looking through a large account may take so much of the process's time at most, however fast it changes. */
const MAX_SHARE = 1 / 3;
/** Chains with their keys: some 10 KB each. */
const PER_MESSAGE = 50;

/**
 * Tells a proxy the uploaded certificates of the names that it serves, and when they change. Which those are is worked out
 * anew after every change of a certificate or of a service on the cluster.
 */
export function watchUploaded(ports: UploadedPorts): handleServerStreamingCall<Request, Response> {
  const { context, reconciler, log, uploadedSessions } = ports;
  const { store } = context;
  return (call) =>
    serveStream<Request, Response>(call, log, async (life) => {
      const proxy = await askingProxy(store.db, call);
      const close = uploadedSessions.open({
        proxyId: proxy.proxyId,
        tokenId: proxy.tokenId,
        kind: "certificates",
        peer: call.getPeer(),
        end: life.end,
      });
      const dns = new Map<string, number>();
      const held = new Map(call.request.have.map(({ id, version }) => [id, version]));
      let changed = true;
      let wake = () => {};
      // Listens before it reads: a change in between is not missed.
      const stopListening = reconciler.feed.onEntries((entries) => {
        if (!entries.some((entry) => concerns(entry, proxy))) return;
        changed = true;
        wake();
      });
      life.signal.addEventListener("abort", () => wake(), { once: true });
      try {
        for (let first = true; !life.signal.aborted; first = false) {
          if (!changed) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          if (life.signal.aborted) break;
          changed = false;
          const startedMs = performance.now();
          await tellChanges(ports, proxy, { held, dns }, life, first);
          const tookMs = performance.now() - startedMs;
          const pauseMs = Math.max(DEBOUNCE_MS, tookMs * (1 / MAX_SHARE - 1));
          await delay(pauseMs, undefined, { signal: life.signal }).catch(() => {});
        }
      } finally {
        stopListening();
        close();
      }
    });
}

function concerns({ kind, accountId, cluster }: RevisionEntry, proxy: AskingProxy): boolean {
  if (proxy.account !== null && proxy.account !== accountId) return false;
  if (kind === "certificate") return true;
  return kind === "service" && (cluster === null || cluster.toLowerCase() === proxy.cluster);
}

/** What the proxy knows: versions of certificates, and those of DNS credentials, by id. */
interface Known {
  held: Map<string, string>;
  dns: Map<string, number>;
}

/** Brings the proxy, and what we know of it, to what there is now. */
async function tellChanges(
  { context }: UploadedPorts,
  proxy: AskingProxy,
  { held, dns }: Known,
  life: StreamLife<Response>,
  first: boolean,
): Promise<void> {
  const { db, secrets } = context.store;
  const { wanted, found, credentials } = await inSnapshot(db, async (trx) => {
    const wanted = await wantedCertificates(trx, proxy);
    const news = [...wanted].filter(([id, version]) => held.get(id) !== version).map(([id]) => id);
    const credentials = await listDnsCredentials(trx, proxy.account);
    return { wanted, found: await findUploadedCertificates(trx, news), credentials };
  });
  const newCredentials = credentials.filter(({ id, updatedAt }) => dns.get(id) !== updatedAt);
  for (const { id, updatedAt } of newCredentials) dns.set(id, updatedAt);
  // Whoever has just come asks for what it needs anyway.
  const dnsChanged = first ? [] : newCredentials.map(({ domain }) => domain);
  const removed = [...held.keys()].filter((id) => !wanted.has(id as CertificateId));
  if (!first && found.length === 0 && removed.length === 0 && dnsChanged.length === 0) return;
  const changed = found.map(
    (certificate): certificates.UploadedCertificate => ({
      id: certificate.id,
      accountId: certificate.accountId,
      version: String(certificate.updatedAt),
      certificateChain: certificate.certificateChain,
      privateKey: secrets.open(certificate.sealedKey, UPLOADED_KEY_PURPOSE),
    }),
  );
  for (let at = 0; at === 0 || at < changed.length; at += PER_MESSAGE) {
    await life.send({
      changed: changed.slice(at, at + PER_MESSAGE),
      removed: at === 0 ? removed : [],
      dnsChanged: at === 0 ? dnsChanged : [],
      synchronised: first && at + PER_MESSAGE >= changed.length,
    });
  }
  for (const id of removed) held.delete(id);
  for (const { id, version } of changed) held.set(id, version);
}

/** Keys go only where a service gives a reason, and only to that account's services. @returns versions by id */
async function wantedCertificates(
  db: Db,
  { cluster, account }: AskingProxy,
): Promise<Map<CertificateId, string>> {
  const outlines = await listCertificateOutlines(db, account);
  const accounts = [...new Set(outlines.map(({ accountId }) => accountId))];
  if (accounts.length === 0) return new Map();
  const served = new Set<string>();
  for (const { accountId, name } of await listServedNames(db, cluster, accounts)) {
    served.add(`${accountId} ${name}`);
    // As the only wildcard that covers it.
    served.add(`${accountId} *${name.slice(name.indexOf("."))}`);
  }
  return new Map(
    outlines
      .filter(({ accountId, domains }) => domains.some((domain) => served.has(`${accountId} ${domain}`)))
      .map(({ id, updatedAt }) => [id, String(updatedAt)]),
  );
}
