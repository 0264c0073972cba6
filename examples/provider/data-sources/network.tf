resource "netbird_network" "office" {
  name = "office"
}

data "netbird_network" "office" {
  name = netbird_network.office.name
}
