data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_proxy_service" "shop" {
  name    = "shop"
  domain  = "shop.proxy.example.test"
  targets = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = 3000 } }
  public  = true
}

data "netbird_reverse_proxy_service" "shop" {
  domain = netbird_proxy_service.shop.domain
}
