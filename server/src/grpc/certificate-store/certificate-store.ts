import { randomUUID } from "node:crypto";
import { status as Status } from "@grpc/grpc-js";
import { type AccountId, AppError, type ServiceId } from "@netbird-proxy/proto";
import type { certificates } from "@netbird-proxy/proto/grpc";
import { coversName, credentialsFor, orderNameOf } from "../../domain/certificate-names.ts";
import { listDnsCredentials } from "../../store/dns-credentials.ts";
import { getPreflightChallenge } from "../../store/preflight-challenges.ts";
import {
  deleteCertificateLease,
  findServedName,
  getAcmeAccount,
  getCertificateLease,
  getSharedCertificate,
  insertAcmeAccount,
  putCertificateLease,
  saveSharedCertificate,
  updateCertificateLease,
} from "../../store/shared-certificates.ts";
import { type Db, inTransaction } from "../../store/transaction.ts";
import { getWildcardCertificate, saveWildcardCertificate } from "../../store/wildcard-certificates.ts";
import { CallFailure } from "../call-failure.ts";
import { unary } from "../serve-call.ts";
import { type AskingProxy, askingProxy } from "./asking-proxy.ts";
import { presentDns } from "./present-dns.ts";
import { type UploadedPorts, watchUploaded } from "./watch-uploaded.ts";

/** A proxy that dies in the middle of an order blocks the name no longer than this. */
const LEASE_MS = 60_000;
const BUSY_MS = 3_000;
const MAX_BUNDLE_BYTES = 64 * 1024;
const MAX_TEXT = 1_024;
const BUNDLE_PURPOSE = "shared certificate";
const WILDCARD_PURPOSE = "shared wildcard certificate";
const ACCOUNT_PURPOSE = "acme account key";

/** Certificates, account key and challenge answers of a cluster, and the right to order, one proxy at a time. */
export function certificateStore(ports: UploadedPorts): certificates.CertificateStoreServer {
  const { context, log } = ports;
  const { store, nowMs } = context;

  /** Keys are handed out, and orders allowed, only where a service gives a reason. */
  async function requireServed(
    db: Db,
    who: AskingProxy,
    name: string,
  ): Promise<{ serviceId: ServiceId; accountId: AccountId }> {
    const served = await findServedName(db, who.cluster, name, who.account);
    if (served) return served;
    throw new CallFailure(
      Status.PERMISSION_DENIED,
      `no enabled service of ${who.cluster} has the domain ${name}`,
    );
  }

  return {
    acquire: unary<certificates.AcquireRequest, certificates.AcquireResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { name, have, dns } = call.request;
        const who = await askingProxy(trx, call);
        const { cluster } = who;
        const { serviceId, accountId } = await requireServed(trx, who, name);
        const credentials = dns ? credentialsFor(name, await listDnsCredentials(trx, accountId)) : undefined;
        const orderName = orderNameOf(name, credentials);
        const shared = orderName !== name;
        const order = { orderName: shared ? orderName : "", useDns: credentials !== undefined };
        const stored = shared
          ? await getWildcardCertificate(trx, { cluster, name: orderName, accountId })
          : await getSharedCertificate(trx, cluster, name);
        const atMs = nowMs();
        if (stored && stored.fingerprint !== have && stored.expiresAt > atMs) {
          const purpose = shared ? WILDCARD_PURPOSE : BUNDLE_PURPOSE;
          const bundle = Buffer.from(store.secrets.open(stored.sealedBundle, purpose), "base64");
          return { result: { $case: "bundle", value: bundle }, leaseMs: 0, ...order };
        }
        const held = await getCertificateLease(trx, cluster, orderName);
        // Its own former life may hold it: whoever asks anew does not order any more. Unless it is another of its names
        // that the same wildcard is being ordered for.
        const own = held?.proxyId === who.proxyId && (!shared || held.serviceId === serviceId);
        if (held && held.expiresAt > atMs && !own) {
          const busyMs = Math.min(BUSY_MS, held.expiresAt - atMs);
          return { result: { $case: "busyMs", value: busyMs }, leaseMs: 0, ...order };
        }
        const lease = randomUUID();
        await putCertificateLease(trx, {
          cluster,
          name: orderName,
          serviceId,
          lease,
          proxyId: who.proxyId,
          expiresAt: atMs + LEASE_MS,
          challengeToken: "",
          keyAuthorization: "",
        });
        return { result: { $case: "lease", value: lease }, leaseMs: LEASE_MS, ...order };
      }),
    ),

    extend: unary<certificates.LeaseRequest, certificates.LeaseResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { cluster } = await askingProxy(trx, call);
        const { name, lease } = call.request;
        return {
          held: await updateCertificateLease(
            trx,
            { cluster, name, lease },
            { expiresAt: nowMs() + LEASE_MS },
          ),
        };
      }),
    ),

    release: unary<certificates.LeaseRequest, certificates.LeaseResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { cluster } = await askingProxy(trx, call);
        const { name, lease } = call.request;
        return { held: await deleteCertificateLease(trx, { cluster, name, lease }) };
      }),
    ),

    save: unary<certificates.SaveRequest, certificates.SaveResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { name, servedName, lease, bundle, fingerprint, expiresAtUnixSeconds } = call.request;
        if (bundle.byteLength === 0 || bundle.byteLength > MAX_BUNDLE_BYTES) {
          throw new AppError("request.invalid", `bundle must have 1 to ${MAX_BUNDLE_BYTES} bytes`, {
            path: "bundle",
          });
        }
        const who = await askingProxy(trx, call);
        const { serviceId, accountId } = await requireServed(trx, who, servedName || name);
        const certificate = {
          cluster: who.cluster,
          name,
          fingerprint: fingerprint.slice(0, MAX_TEXT),
          expiresAt: Number(expiresAtUnixSeconds) * 1000,
          savedAt: nowMs(),
        };
        const text = Buffer.from(bundle).toString("base64");
        // Whoever lost the lease meanwhile still has a good certificate: the one who orders now may use it.
        if (servedName === "") {
          const sealedBundle = store.secrets.seal(text, BUNDLE_PURPOSE);
          await saveSharedCertificate(trx, { ...certificate, sealedBundle, serviceId });
        } else if (coversName(name, servedName)) {
          const sealedBundle = store.secrets.seal(text, WILDCARD_PURPOSE);
          await saveWildcardCertificate(trx, { ...certificate, sealedBundle, accountId });
        } else {
          throw new CallFailure(Status.PERMISSION_DENIED, `${name} does not cover ${servedName}`);
        }
        await deleteCertificateLease(trx, { cluster: who.cluster, name, lease });
        return {};
      }),
    ),

    publishChallenge: unary<certificates.PublishChallengeRequest, certificates.LeaseResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { name, lease, token, keyAuthorization } = call.request;
        if (token.length > MAX_TEXT || keyAuthorization.length > MAX_TEXT) {
          throw new AppError("request.invalid", "token and key_authorization are too long", {
            path: "token",
          });
        }
        const { cluster } = await askingProxy(trx, call);
        const change = { challengeToken: token, keyAuthorization, expiresAt: nowMs() + LEASE_MS };
        return { held: await updateCertificateLease(trx, { cluster, name, lease }, change) };
      }),
    ),

    findChallenge: unary<certificates.FindChallengeRequest, certificates.FindChallengeResponse>(
      log,
      async (call) => {
        const { cluster } = await askingProxy(store.db, call);
        const { name, token } = call.request;
        const isMeant = (found: { expiresAt: number }, itsToken: string) =>
          found.expiresAt > nowMs() && itsToken !== "" && (token === "" || token === itsToken);
        // An order under way comes before our own trying.
        const lease = await getCertificateLease(store.db, cluster, name);
        if (lease && isMeant(lease, lease.challengeToken)) {
          return { token: lease.challengeToken, keyAuthorization: lease.keyAuthorization };
        }
        const trial = await getPreflightChallenge(store.db, cluster, name);
        if (trial && isMeant(trial, trial.token)) {
          return { token: trial.token, keyAuthorization: trial.keyAuthorization };
        }
        return { token: "", keyAuthorization: "" };
      },
    ),

    accountKey: unary<certificates.AccountKeyRequest, certificates.AccountKeyResponse>(log, (call) =>
      inTransaction(store.db, async (trx) => {
        const { directoryUrl, offer } = call.request;
        if (directoryUrl.length > MAX_TEXT || offer.byteLength > MAX_BUNDLE_BYTES) {
          throw new AppError("request.invalid", "directory_url or offer is too long", {
            path: "directory_url",
          });
        }
        const { cluster } = await askingProxy(trx, call);
        const stored = await getAcmeAccount(trx, cluster, directoryUrl);
        if (stored) return { key: Buffer.from(store.secrets.open(stored, ACCOUNT_PURPOSE), "base64") };
        if (offer.byteLength > 0) {
          const sealed = store.secrets.seal(Buffer.from(offer).toString("base64"), ACCOUNT_PURPOSE);
          await insertAcmeAccount(trx, cluster, directoryUrl, sealed);
        }
        return { key: offer };
      }),
    ),

    presentDns: presentDns(ports),
    watchUploaded: watchUploaded(ports),
  };
}
