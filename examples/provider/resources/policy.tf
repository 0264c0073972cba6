resource "netbird_group" "staff" {
  name = "staff"
}

resource "netbird_group" "machines" {
  name = "machines"
}

resource "netbird_policy" "web" {
  name = "staff to machines"

  rule {
    name          = "https"
    protocol      = "tcp"
    bidirectional = false
    sources       = [netbird_group.staff.id]
    destinations  = [netbird_group.machines.id]
    ports         = ["443"]
  }
}
