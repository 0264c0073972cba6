data "netbird_proxy_service" "shop" {
  domain = "shop.proxy.example.test"
}

data "netbird_proxy_service_targets" "shop" {
  service_id = data.netbird_proxy_service.shop.id
}

output "owners" {
  value = { for target in data.netbird_proxy_service_targets.shop.targets : target.path => target.owner.name }
}
