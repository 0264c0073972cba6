data "netbird_setup_keys" "all" {}

output "valid" {
  value = [for key in data.netbird_setup_keys.all.setup_keys : key.name if key.valid]
}
