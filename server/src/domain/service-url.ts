import type { StoredService } from "../store/services.ts";

/** Where visitors reach a service. @param publicHttpsPort of a proxy of its cluster; 0 means 443 */
export function serviceUrl(
  service: Pick<StoredService, "mode" | "domain" | "listenPort">,
  publicHttpsPort: number,
): string {
  const host = service.domain.includes(":") ? `[${service.domain}]` : service.domain;
  if (service.mode === "http") {
    const port = publicHttpsPort === 0 || publicHttpsPort === 443 ? "" : `:${publicHttpsPort}`;
    return `https://${host}${port}`;
  }
  return `${service.mode}://${host}:${service.listenPort}`;
}
