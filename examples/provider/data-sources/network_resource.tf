resource "netbird_network" "office" {
  name = "office"
}

resource "netbird_network_resource" "database" {
  network_id = netbird_network.office.id
  name       = "database"
  address    = "10.1.2.3"
}

data "netbird_network_resource" "database" {
  network_id = netbird_network.office.id
  name       = netbird_network_resource.database.name
}
