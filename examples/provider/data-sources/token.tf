resource "netbird_user" "ci" {
  name            = "ci"
  role            = "network_admin"
  is_service_user = true
}

resource "netbird_token" "ci" {
  user_id         = netbird_user.ci.id
  name            = "ci"
  expiration_days = 90
}

data "netbird_token" "ci" {
  user_id = netbird_user.ci.id
  name    = netbird_token.ci.name
}
