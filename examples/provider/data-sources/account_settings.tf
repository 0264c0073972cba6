data "netbird_account_settings" "this" {}

output "login_expires_after_seconds" {
  value = data.netbird_account_settings.this.peer_login_expiration
}
