resource "netbird_proxy_service" "report" {
  name   = "report"
  domain = "report.proxy.example.test"
  auth = {
    sso         = {}
    share_links = true
  }
  targets = {
    "/" = {
      target_type = "cluster"
      target_id   = "proxy.example.test"
      host        = "127.0.0.1"
      port        = 8080
      options     = { direct_upstream = true }
    }
  }
  wait_for_live = false
}

resource "netbird_proxy_share_link" "board" {
  service_id     = netbird_proxy_service.report.id
  name           = "board meeting"
  path           = "/2026/q4"
  max_uses       = 12
  expiry_seconds = 7 * 24 * 60 * 60
}
