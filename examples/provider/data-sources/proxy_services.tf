data "netbird_proxy_services" "all" {}

output "not_active" {
  value = [for service in data.netbird_proxy_services.all.services : service.domain if service.status != "active"]
}
