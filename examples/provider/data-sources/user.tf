resource "netbird_user" "ci" {
  name            = "ci"
  role            = "network_admin"
  is_service_user = true
}

data "netbird_user" "ci" {
  id = netbird_user.ci.id
}
