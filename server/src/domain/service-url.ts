import type { StoredService } from "../store/services.ts";

/** Where visitors reach a service. @param publicHttpsPort of a proxy of its cluster; 0 means 443 */
export function serviceUrl(
  service: Pick<StoredService, "mode" | "domain" | "listenPort" | "private">,
  publicHttpsPort: number,
): string {
  const host = service.domain.includes(":") ? `[${service.domain}]` : service.domain;
  if (service.mode === "http") {
    // Inside the overlay proxies are always at 443.
    const standard = service.private || publicHttpsPort === 0 || publicHttpsPort === 443;
    const port = standard ? "" : `:${publicHttpsPort}`;
    return `https://${host}${port}`;
  }
  return `${service.mode}://${host}:${service.listenPort}`;
}
