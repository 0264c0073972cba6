resource "netbird_group" "devices" {
  name = "devices"
}

resource "netbird_wireguard_peer" "phone" {
  name       = "phone"
  public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
  groups     = [netbird_group.devices.id]
}

output "wireguard_config" {
  value     = netbird_wireguard_peer.phone.wireguard_config
  sensitive = true
}
