resource "netbird_wireguard_peer" "laptop" {
  name       = "laptop"
  public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
}

data "netbird_wireguard_config" "laptop" {
  peer_id = netbird_wireguard_peer.laptop.id
}

output "wireguard_config" {
  value     = data.netbird_wireguard_config.laptop.config
  sensitive = true
}
