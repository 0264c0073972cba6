resource "netbird_proxy_token" "frankfurt" {
  name = "frankfurt"
}

data "netbird_proxy_token" "frankfurt" {
  id = netbird_proxy_token.frankfurt.id
}
