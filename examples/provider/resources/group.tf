data "netbird_peer" "web" {
  name = "web"
}

# Exactly these peers. Leave `peers` out where setup keys fill the group.
resource "netbird_group" "web" {
  name  = "web servers"
  peers = [data.netbird_peer.web.id]
}
