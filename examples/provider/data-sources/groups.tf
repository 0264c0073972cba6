data "netbird_groups" "all" {}

output "empty" {
  value = [for group in data.netbird_groups.all.groups : group.name if group.peers_count == 0]
}
