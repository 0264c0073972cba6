resource "netbird_network" "office" {
  name = "office"
}

data "netbird_network_routers" "office" {
  network_id = netbird_network.office.id
}
