resource "netbird_certificate" "shop" {
  name              = "shop"
  certificate_chain = file("${path.module}/fullchain.pem")

  private_key_wo         = file("${path.module}/privkey.pem")
  private_key_wo_version = 1
}
