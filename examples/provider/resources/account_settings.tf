resource "netbird_account_settings" "this" {
  peer_login_expiration_enabled = true
  peer_login_expiration         = 7 * 24 * 60 * 60
}
