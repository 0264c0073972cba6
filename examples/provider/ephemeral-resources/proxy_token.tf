ephemeral "netbird_proxy_token" "frankfurt" {
  name           = "frankfurt"
  expiry_seconds = 600
}
