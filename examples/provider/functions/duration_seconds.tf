resource "netbird_setup_key" "agents" {
  name           = "agents"
  expiry_seconds = provider::netbird::duration_seconds("720h")
}
