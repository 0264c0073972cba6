data "netbird_proxy_domains" "free" {
  type = "free"
}

output "suffixes" {
  value = data.netbird_proxy_domains.free.domains[*].domain
}
