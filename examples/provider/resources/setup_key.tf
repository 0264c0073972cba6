resource "netbird_group" "agents" {
  name = "agents"
}

resource "netbird_setup_key" "agents" {
  name           = "agents"
  type           = "reusable"
  expiry_seconds = 7 * 24 * 3600
  auto_groups    = [netbird_group.agents.id]
}

output "setup_key" {
  value     = netbird_setup_key.agents.key
  sensitive = true
}
