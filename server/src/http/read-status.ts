import type { AccountId } from "@netbird-proxy/proto";
import { reasonCodes } from "@netbird-proxy/proto";
import type { CommandContext } from "../commands/context.ts";
import { isActive, listVisibleProxies } from "../store/proxies.ts";
import type { StoredService } from "../store/services.ts";
import type { HttpPorts, ServiceStatus } from "./ports.ts";

/** Until proxies report, every service is pending, and says what it waits for. */
export function createStatusReader({ store, nowMs }: CommandContext): HttpPorts["statusOf"] {
  return async (account: AccountId, services: readonly StoredService[]) => {
    const now = nowMs();
    const active = (await listVisibleProxies(store.db, account)).filter((proxy) => isActive(proxy, now));
    return new Map(
      services.map((service): [string, ServiceStatus] => {
        const cluster = service.proxyCluster.toLowerCase();
        const proxies = active.filter((proxy) => proxy.cluster.toLowerCase() === cluster);
        const code = proxies.length === 0 ? "service.no_proxy_connected" : "service.not_applied_yet";
        return [
          service.id,
          {
            state: "pending",
            reason: { code, message: "no proxy has reported", hint: reasonCodes[code].hint },
            liveRevision: 0,
            liveOn: [],
            certificateIssuedAt: null,
            publicHttpsPort: proxies[0]?.publicHttpsPort ?? 0,
            proxies: [],
          },
        ];
      }),
    );
  };
}
