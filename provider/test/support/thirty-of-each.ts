import { CLUSTER } from "../../../server/test/support/rest-server.ts";

/** Thirty objects of every resource that can be many, on a server with one cluster and the files of `writePair`. */
export const THIRTY_OF_EACH = `
  resource "netbird_group" "n" {
    count = 30
    name  = "g\${count.index}"
  }
  resource "netbird_network" "n" {
    count = 30
    name  = "n\${count.index}"
  }
  resource "netbird_network_resource" "n" {
    count      = 30
    network_id = netbird_network.n[count.index].id
    name       = "r\${count.index}"
    address    = "10.1.2.\${count.index + 1}"
    groups     = [netbird_group.n[count.index].id]
  }
  resource "netbird_policy" "n" {
    count = 30
    name  = "p\${count.index}"
    rule {
      name         = "https"
      protocol     = "tcp"
      sources      = [netbird_group.n[count.index].id]
      destinations = [netbird_group.n[count.index].id]
      ports        = ["443"]
    }
  }
  resource "netbird_setup_key" "n" {
    count = 30
    name  = "k\${count.index}"
  }
  resource "netbird_user" "n" {
    count           = 30
    name            = "u\${count.index}"
    role            = "auditor"
    is_service_user = true
  }
  resource "netbird_wireguard_peer" "n" {
    count = 30
    name  = "w\${count.index}"
  }
  resource "netbird_token" "n" {
    count           = 30
    user_id         = netbird_user.n[count.index].id
    name            = "t"
    expiration_days = 30
  }
  resource "netbird_proxy_token" "n" {
    count = 30
    name  = "p\${count.index}"
  }
  resource "netbird_custom_domain" "n" {
    count          = 30
    domain         = "d\${count.index}.example.org"
    target_cluster = "${CLUSTER}"
  }
  resource "netbird_dns_credentials" "n" {
    count   = 30
    domain  = netbird_custom_domain.n[count.index].domain
    webhook = { url = "https://dns.example.org" }
  }
  resource "netbird_proxy_service" "n" {
    count         = 30
    name          = "s\${count.index}"
    domain        = "s\${count.index}.${CLUSTER}"
    targets       = { "/" = { target_type = "peer", target_id = netbird_wireguard_peer.n[count.index].id } }
    auth          = { service_tokens = true, share_links = true }
    wait_for_live = false
    lifecycle { ignore_changes = [targets] }
  }
  resource "netbird_proxy_service_target" "n" {
    count         = 30
    service_id    = netbird_proxy_service.n[count.index].id
    path          = "/api"
    target_type   = "peer"
    target_id     = netbird_wireguard_peer.n[0].id
    wait_for_live = false
  }
  resource "netbird_proxy_service_token" "n" {
    count      = 30
    service_id = netbird_proxy_service.n[count.index].id
    name       = "t"
  }
  resource "netbird_proxy_share_link" "n" {
    count          = 30
    service_id     = netbird_proxy_service.n[count.index].id
    name           = "l"
    expiry_seconds = 3600
  }
  resource "netbird_network_router" "n" {
    count       = 30
    network_id  = netbird_network.n[count.index].id
    peer_groups = [netbird_group.n[count.index].id]
  }
  resource "netbird_certificate" "n" {
    count             = 30
    name              = "c\${count.index}"
    certificate_chain = file("fullchain.pem")
    private_key_wo    = file("privkey.pem")
  }
  resource "netbird_reverse_proxy_domain" "n" {
    count          = 30
    domain         = "r\${count.index}.example.org"
    target_cluster = "${CLUSTER}"
  }
  resource "netbird_reverse_proxy_service" "n" {
    count   = 30
    name    = "r\${count.index}"
    domain  = "r\${count.index}.${CLUSTER}"
    auth    = {}
    targets = [{ target_id = netbird_wireguard_peer.n[count.index].id, target_type = "peer", protocol = "http", port = 80 }]
  }`;
