data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_proxy_service" "shop" {
  name          = "shop"
  domain        = "shop.proxy.example.test"
  targets       = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = 3000 } }
  public        = true
  wait_for_live = false

  # Other teams add routes with netbird_proxy_service_target.
  lifecycle { ignore_changes = [targets] }
}

resource "netbird_proxy_service_target" "api" {
  service_id    = netbird_proxy_service.shop.id
  path          = "/api"
  target_type   = "peer"
  target_id     = data.netbird_peer.web.id
  port          = 8080
  options       = { path_rewrite = "preserve" }
  wait_for_live = false
}
