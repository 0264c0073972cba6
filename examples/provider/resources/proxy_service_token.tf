resource "netbird_proxy_service" "hooks" {
  name   = "hooks"
  domain = "hooks.proxy.example.test"
  auth   = { service_tokens = true }
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

resource "netbird_proxy_service_token" "ci" {
  service_id     = netbird_proxy_service.hooks.id
  name           = "ci"
  expiry_seconds = 90 * 24 * 60 * 60
}
