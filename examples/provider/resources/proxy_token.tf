resource "netbird_proxy_token" "frankfurt" {
  name           = "frankfurt"
  expiry_seconds = 365 * 24 * 60 * 60
}
