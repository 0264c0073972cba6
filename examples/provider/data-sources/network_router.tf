resource "netbird_network" "office" {
  name = "office"
}

resource "netbird_group" "routers" {
  name = "office routers"
}

resource "netbird_network_router" "office" {
  network_id  = netbird_network.office.id
  peer_groups = [netbird_group.routers.id]
}

data "netbird_network_router" "office" {
  network_id = netbird_network.office.id
  id         = netbird_network_router.office.id
}
