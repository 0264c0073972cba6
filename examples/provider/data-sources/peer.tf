data "netbird_peer" "web" {
  name = "web"
}

output "address" {
  value = data.netbird_peer.web.ip
}
