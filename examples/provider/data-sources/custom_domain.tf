resource "netbird_custom_domain" "apps" {
  domain         = "apps.example.org"
  target_cluster = "proxy.example.test"
}

data "netbird_custom_domain" "apps" {
  domain = netbird_custom_domain.apps.domain
}
