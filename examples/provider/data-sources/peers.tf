data "netbird_peers" "connected" {
  connected = true
}

output "names" {
  value = data.netbird_peers.connected.peers[*].name
}
