variable "tsig_secret" {
  type      = string
  sensitive = true
  default   = "c2VjcmV0IG9mIHRoZSBrZXk="
}

resource "netbird_custom_domain" "apps" {
  domain         = "apps.example.org"
  target_cluster = "proxy.example.test"
}

resource "netbird_dns_credentials" "apps" {
  domain   = netbird_custom_domain.apps.domain
  wildcard = true

  rfc2136 = {
    server        = "ns1.example.org"
    key_name      = "acme"
    key_secret_wo = var.tsig_secret
    version       = 1
  }
}
