import assert from "node:assert/strict";
import type { RealServer } from "./real-server.ts";

/** Deletes one of every resource that terraform made, over REST, what depends on something first. The peer belongs to somebody else. */
export async function deleteEverything({ rest, workspace }: RealServer): Promise<void> {
  const states = await workspace.states();
  const id = (typeName: string) => states.get(`${typeName}.this`)!.id as string;
  const network = id("netbird_network");
  const paths: string[] = [
    `/reverse-proxies/services/${id("netbird_proxy_service")}`,
    `/reverse-proxies/services/${id("netbird_reverse_proxy_service")}`,
    `/reverse-proxies/certificates/${id("netbird_certificate")}`,
    `/reverse-proxies/dns-credentials/${id("netbird_dns_credentials")}`,
    `/reverse-proxies/domains/${id("netbird_custom_domain")}`,
    `/reverse-proxies/domains/${id("netbird_reverse_proxy_domain")}`,
    `/reverse-proxies/proxy-tokens/${id("netbird_proxy_token")}`,
    `/policies/${id("netbird_policy")}`,
    `/networks/${network}/routers/${id("netbird_network_router")}`,
    `/networks/${network}/resources/${id("netbird_network_resource")}`,
    `/networks/${network}`,
    `/groups/${id("netbird_group")}`,
    `/setup-keys/${id("netbird_setup_key")}`,
    `/users/${id("netbird_user")}`,
    `/peers/${id("netbird_wireguard_peer")}`,
  ];
  for (const path of paths) {
    const { status, text } = await rest.call("DELETE", path);
    assert.ok(status < 300, `${path}: ${status} ${text}`);
  }
}
