data "netbird_proxy_tokens" "all" {}

output "never_used" {
  value = [for token in data.netbird_proxy_tokens.all.tokens : token.name if token.last_used == null]
}
