data "netbird_dns_credentials" "apps" {
  domain = "apps.example.org"
}

output "works" {
  value = data.netbird_dns_credentials.apps.last_error == null
}
