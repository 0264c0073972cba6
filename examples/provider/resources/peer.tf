data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_peer" "web" {
  id              = data.netbird_peer.web.id
  ssh_enabled     = true
  keep_on_destroy = true
}
