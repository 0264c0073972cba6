data "netbird_policies" "all" {}

output "disabled" {
  value = [for policy in data.netbird_policies.all.policies : policy.name if !policy.enabled]
}
