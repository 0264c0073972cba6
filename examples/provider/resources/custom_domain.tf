data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_custom_domain" "apps" {
  domain         = "apps.example.org"
  target_cluster = "proxy.example.test"
}

resource "netbird_proxy_service" "wiki" {
  name    = "wiki"
  domain  = "wiki.${netbird_custom_domain.apps.domain}"
  targets = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = 8080 } }
  public  = true
}

# What your DNS needs, for a provider that manages it.
output "dns_records" {
  value = netbird_custom_domain.apps.validation_records
}
