resource "netbird_user" "ci" {
  name            = "ci"
  role            = "network_admin"
  is_service_user = true
}

data "netbird_tokens" "ci" {
  user_id = netbird_user.ci.id
}
