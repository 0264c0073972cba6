resource "netbird_user" "ci" {
  name            = "ci"
  role            = "network_admin"
  is_service_user = true
}

ephemeral "netbird_token" "ci" {
  user_id = netbird_user.ci.id
  name    = "this run"
}
