data "netbird_certificates" "all" {}

output "ends" {
  value = { for one in data.netbird_certificates.all.certificates : one.name => one.not_after }
}
