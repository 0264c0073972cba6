data "netbird_reverse_proxy_clusters" "all" {}

data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_reverse_proxy_service" "shop" {
  name   = "shop"
  domain = "shop.${data.netbird_reverse_proxy_clusters.all.clusters[0].address}"

  targets = [{
    target_id   = data.netbird_peer.web.id
    target_type = "peer"
    port        = 3000
    protocol    = "http"
  }]

  auth = {}
}
