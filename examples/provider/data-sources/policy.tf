resource "netbird_group" "staff" {
  name = "staff"
}

resource "netbird_policy" "staff" {
  name = "staff"

  rule {
    name         = "all"
    sources      = [netbird_group.staff.id]
    destinations = [netbird_group.staff.id]
  }
}

data "netbird_policy" "staff" {
  name = netbird_policy.staff.name
}
