resource "netbird_group" "staff" {
  name = "staff"
}

data "netbird_group" "staff" {
  name = netbird_group.staff.name
}
