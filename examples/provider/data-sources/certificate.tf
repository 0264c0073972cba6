data "netbird_certificate" "shop" {
  name = "shop"
}

output "ends" {
  value = data.netbird_certificate.shop.not_after
}
