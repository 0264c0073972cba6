import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";

/** One object of every resource, on a server with one cluster and the files of {@link writePair}. */
export const oneOfEach = (peerId: string) => `
  resource "netbird_account_settings" "this" { peer_login_expiration = 7200 }
  resource "netbird_certificate" "this" {
    name                   = "shop"
    certificate_chain      = file("fullchain.pem")
    private_key_wo         = file("privkey.pem")
    private_key_wo_version = 1
  }
  resource "netbird_custom_domain" "this" {
    domain         = "apps.example.org"
    target_cluster = "${CLUSTER}"
  }
  resource "netbird_dns_credentials" "this" {
    domain = netbird_custom_domain.this.domain
    rfc2136 = {
      server        = "ns1.example.org"
      key_name      = "acme"
      key_secret_wo = "c2VjcmV0IG9mIHRoZSBrZXk="
      version       = 1
    }
  }
  resource "netbird_group" "this" { name = "staff" }
  resource "netbird_network" "this" { name = "office" }
  resource "netbird_network_resource" "this" {
    network_id = netbird_network.this.id
    name       = "database"
    address    = "10.1.2.3"
    groups     = [netbird_group.this.id]
  }
  resource "netbird_network_router" "this" {
    network_id  = netbird_network.this.id
    peer_groups = [netbird_group.this.id]
  }
  resource "netbird_peer" "this" { id = "${peerId}" }
  resource "netbird_policy" "this" {
    name = "web"
    rule {
      name         = "https"
      protocol     = "tcp"
      sources      = [netbird_group.this.id]
      destinations = [netbird_group.this.id]
      ports        = ["443"]
    }
  }
  resource "netbird_proxy_service" "this" {
    name          = "shop"
    domain        = "shop.${CLUSTER}"
    targets       = { "/" = { target_type = "peer", target_id = netbird_peer.this.id, port = 3000 } }
    auth          = { service_tokens = true, share_links = true }
    wait_for_live = false
    lifecycle { ignore_changes = [targets] }
  }
  resource "netbird_proxy_service_target" "this" {
    service_id    = netbird_proxy_service.this.id
    path          = "/api"
    target_type   = "peer"
    target_id     = netbird_peer.this.id
    port          = 8080
    wait_for_live = false
  }
  resource "netbird_proxy_service_token" "this" {
    service_id = netbird_proxy_service.this.id
    name       = "ci"
  }
  resource "netbird_proxy_share_link" "this" {
    service_id     = netbird_proxy_service.this.id
    name           = "board"
    expiry_seconds = 3600
  }
  resource "netbird_proxy_token" "this" { name = "fra" }
  resource "netbird_reverse_proxy_domain" "this" {
    domain         = "old.example.org"
    target_cluster = "${CLUSTER}"
  }
  resource "netbird_reverse_proxy_service" "this" {
    name   = "old"
    domain = "old.${CLUSTER}"
    auth   = {}
    targets = [{
      target_id = netbird_peer.this.id, target_type = "peer", protocol = "http", port = 3000, enabled = true
    }]
  }
  resource "netbird_setup_key" "this" { name = "agents" }
  resource "netbird_token" "this" {
    user_id         = netbird_user.this.id
    name            = "ci"
    expiration_days = 30
  }
  resource "netbird_user" "this" {
    name            = "ci"
    role            = "auditor"
    is_service_user = true
  }
  resource "netbird_wireguard_peer" "this" {
    name       = "phone"
    public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
  }`;

/** Certificate and key in a folder. */
export async function writePair(folder: string): Promise<void> {
  const { certificate, key } = await issueCertificate(await createAuthority("Test Root"), [
    `shop.${CLUSTER}`,
  ]);
  writeFileSync(join(folder, "fullchain.pem"), certificate);
  writeFileSync(join(folder, "privkey.pem"), key);
}
