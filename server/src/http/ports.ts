import type { AccountId, ServiceState, StatusReason } from "@netbird-proxy/proto";
import type { ProxyServiceStatus } from "@netbird-proxy/proto/rest";
import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import type { CnameLookup } from "../dns/check-custom-domain.ts";
import type { StoredService } from "../store/services.ts";

/** A service's status as REST shows it. */
export interface ServiceStatus {
  state: ServiceState;
  /** Absent when active. */
  reason?: StatusReason;
  /** The oldest revision that a connected proxy of the cluster serves; 0 when one serves none. */
  liveRevision: number;
  liveOn: string[];
  certificate?: { source: string; expiresAt: number | null };
  certificateIssuedAt: number | null;
  /** Whether a proxy of the cluster is there at all, and where visitors reach it; 0 means 443. */
  publicHttpsPort: number;
  proxies: ProxyServiceStatus[];
}

/** What the HTTP side needs from the rest of the server. */
export interface HttpPorts {
  context: CommandContext;
  /** One entry for every service that is passed in. */
  statusOf(
    account: AccountId,
    services: readonly StoredService[],
  ): Promise<ReadonlyMap<string, ServiceStatus>>;
  dns: CnameLookup;
  log: Logger;
  version: string;
  /** Whether POST /api/setup may hand out a personal access token. */
  setupTokenEnabled: boolean;
}
