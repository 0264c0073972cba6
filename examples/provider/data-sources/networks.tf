data "netbird_networks" "offices" {
  name_contains = "office"
}

output "ids" {
  value = { for network in data.netbird_networks.offices.networks : network.name => network.id }
}
