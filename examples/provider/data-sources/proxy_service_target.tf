data "netbird_proxy_service" "shop" {
  domain = "shop.proxy.example.test"
}

data "netbird_proxy_service_target" "api" {
  service_id = data.netbird_proxy_service.shop.id
  path       = "/"
}

output "owner" {
  value = data.netbird_proxy_service_target.api.owner.name
}
