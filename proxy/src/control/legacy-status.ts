import { status as grpcStatus } from "@grpc/grpc-js";
import { control, management } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";

/** A service as a stock server can understand it. */
export interface LegacyStatus {
  readonly serviceId: string;
  readonly accountId: string;
  readonly status: management.ProxyStatus;
  readonly certificateIssued: boolean;
  readonly message: string;
}

const { ProxyStatus } = management;
const { CertificateState, TargetState } = control;

/** Folds a report into the one state that SendStatusUpdate has room for: the worst one wins. */
export function foldStatus(accountId: string, report: control.ServiceReport): LegacyStatus {
  const ready = report.certificate?.state === CertificateState.CERTIFICATE_STATE_READY;
  const fold = (status: management.ProxyStatus, message: string): LegacyStatus => ({
    serviceId: report.serviceId,
    accountId,
    status,
    certificateIssued: ready,
    message,
  });
  if (report.rejectionCode !== "") return fold(ProxyStatus.PROXY_STATUS_ERROR, report.rejectionMessage);
  const certificate = report.certificate;
  if (certificate?.state === CertificateState.CERTIFICATE_STATE_FAILED) {
    return fold(ProxyStatus.PROXY_STATUS_CERTIFICATE_FAILED, certificate.message);
  }
  if (certificate?.state === CertificateState.CERTIFICATE_STATE_PENDING) {
    return fold(ProxyStatus.PROXY_STATUS_CERTIFICATE_PENDING, certificate.message);
  }
  const withoutTunnel = report.targets.find(({ state }) => state === TargetState.TARGET_STATE_NO_TUNNEL);
  if (withoutTunnel !== undefined) {
    return fold(ProxyStatus.PROXY_STATUS_TUNNEL_NOT_CREATED, withoutTunnel.message);
  }
  const broken = report.targets.find(({ state }) => state === TargetState.TARGET_STATE_UNREACHABLE);
  if (broken !== undefined) return fold(ProxyStatus.PROXY_STATUS_ERROR, broken.message);
  if (report.targets.some(({ state }) => state === TargetState.TARGET_STATE_UNKNOWN)) {
    return fold(ProxyStatus.PROXY_STATUS_PENDING, "");
  }
  return fold(ProxyStatus.PROXY_STATUS_ACTIVE, "");
}

/** Sends each service's state once per change, a few calls at a time. */
export class LegacyStatusSender {
  readonly #client: ManagementClient;
  readonly #log: Logger;
  readonly #sent = new Map<string, string>();
  readonly #queue = new Map<string, LegacyStatus>();
  #running = 0;

  constructor(client: ManagementClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** A new stream: the server may know nothing any more. */
  forget(): void {
    this.#sent.clear();
  }

  update(statuses: Iterable<LegacyStatus>): void {
    for (const entry of statuses) {
      if (this.#sent.get(entry.serviceId) === fingerprint(entry)) continue;
      this.#queue.set(entry.serviceId, entry);
    }
    this.#pump();
  }

  #pump(): void {
    for (const [id, entry] of this.#queue) {
      if (this.#running >= 4) return;
      this.#queue.delete(id);
      this.#running += 1;
      this.#client.proxyService.sendStatusUpdate(
        {
          serviceId: entry.serviceId,
          accountId: entry.accountId,
          status: entry.status,
          certificateIssued: entry.certificateIssued,
          errorMessage: entry.message === "" ? undefined : entry.message,
        },
        this.#client.metadata,
        { deadline: Date.now() + 10_000 },
        (error) => {
          this.#running -= 1;
          if (error === null) this.#sent.set(entry.serviceId, fingerprint(entry));
          // The service was deleted a moment ago.
          else if (error.code !== grpcStatus.NOT_FOUND) {
            this.#log.debug(
              { serviceId: id, code: error.code, reason: error.details },
              "status update failed",
            );
          }
          this.#pump();
        },
      );
    }
  }
}

const fingerprint = (entry: LegacyStatus) => `${entry.status} ${entry.certificateIssued} ${entry.message}`;
