data "netbird_reverse_proxy_domain" "free" {
  type = "free"
}
