resource "netbird_network" "office" {
  name        = "office"
  description = "Machines in the office"
}
