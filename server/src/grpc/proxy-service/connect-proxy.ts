import { randomUUID } from "node:crypto";
import type { ProxyId } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import type { ResumePoint } from "../../reconcile/follow-mappings.ts";
import { listOutdatedServices } from "../../store/find-reports.ts";
import type { Store } from "../../store/open.ts";
import { deleteServiceReports } from "../../store/presence.ts";
import { type ProxyCapabilities, type Proxy as ProxyRow, saveProxy } from "../../store/proxies.ts";
import type { ProxyToken } from "../../store/proxy-tokens.ts";
import { inTransaction } from "../../store/transaction.ts";
import { checkAnnouncement, claimAddress, claimProxyId } from "../claim-proxy.ts";

/** What a proxy says about itself when it opens its control stream, whichever of the two. */
export type Announcement = Pick<
  management.SyncMappingsInit,
  "proxyId" | "version" | "address" | "capabilities"
> &
  Partial<Pick<management.SyncMappingsInit, "resume" | "publicHttpsPort">>;

export interface ConnectedProxy {
  row: ProxyRow;
  /** Set when what the proxy says it holds was told to it as the same audience. */
  resumeAfter: ResumePoint | undefined;
}

/** Reports of a proxy that was away for longer describe a process that may be gone. */
const REPORTS_OUTLIVE_MS = 45_000;

/**
 * Checks an announcement and makes the proxy's row say that it is connected, with a session of its own.
 * @throws AppError `request.invalid`, `proxy.invalid_address`, `proxy.id_taken`, `proxy.address_taken`
 */
export async function connectProxy(
  store: Store,
  { token, address: ip }: { token: ProxyToken; address: string },
  announcement: Announcement,
  nowMs: number,
): Promise<ConnectedProxy> {
  const { address } = announcement;
  const proxyId: string = announcement.proxyId;
  checkAnnouncement(proxyId, address);
  const capabilities = readCapabilities(announcement.capabilities);
  const connected = await inTransaction(store.db, async (trx) => {
    const before = await claimProxyId(trx, token, proxyId as ProxyId, nowMs);
    await claimAddress(trx, token, address, nowMs);
    const sameAudience =
      before !== undefined &&
      before.cluster.toLowerCase() === address.toLowerCase() &&
      before.accountId === token.accountId &&
      JSON.stringify(before.capabilities) === JSON.stringify(capabilities);
    const resume = announcement.resume;
    const resumeAfter =
      sameAudience && resume && resume.epoch !== ""
        ? {
            epoch: resume.epoch,
            revision: Number(resume.revision),
            // What it refused then it may take now; its resume point says nothing about that.
            outdated: await listOutdatedServices(trx, before.id),
          }
        : undefined;
    const row: ProxyRow = {
      id: proxyId as ProxyId,
      accountId: token.accountId,
      tokenId: token.id,
      cluster: address,
      sessionId: randomUUID(),
      version: announcement.version.slice(0, 64),
      ip,
      connected: true,
      connectedAt: nowMs,
      lastSeen: nowMs,
      capabilities,
      // It says so in its first report.
      acme: null,
      appliedRevision: resumeAfter?.revision ?? 0,
      wireguardEndpoint: before?.wireguardEndpoint ?? "",
      websocketEndpoint: before?.websocketEndpoint ?? "",
      publicHttpsPort: announcement.publicHttpsPort ?? 0,
    };
    await saveProxy(trx, row);
    if (!before || !sameAudience || nowMs - before.lastSeen > REPORTS_OUTLIVE_MS) {
      await deleteServiceReports(trx, row.id);
    }
    return { row, resumeAfter };
  });
  // Clusters and statuses look different now.
  store.changes.changed();
  return connected;
}

/** Only what was said: absent is not false. */
function readCapabilities(said: management.ProxyCapabilities | undefined): ProxyCapabilities {
  const capabilities: ProxyCapabilities = {};
  if (said?.supportsCustomPorts !== undefined) capabilities.supportsCustomPorts = said.supportsCustomPorts;
  if (said?.requireSubdomain !== undefined) capabilities.requireSubdomain = said.requireSubdomain;
  if (said?.supportsCrowdsec !== undefined) capabilities.supportsCrowdsec = said.supportsCrowdsec;
  if (said?.private !== undefined) capabilities.private = said.private;
  if (said?.supportsPrivateService !== undefined) {
    capabilities.supportsPrivateService = said.supportsPrivateService;
  }
  if (said?.supportsAccessRules !== undefined) capabilities.supportsAccessRules = said.supportsAccessRules;
  return capabilities;
}
