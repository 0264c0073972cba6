resource "netbird_setup_key" "agents" {
  name = "agents"
}

data "netbird_setup_key" "agents" {
  id = netbird_setup_key.agents.id
}
