data "netbird_users" "all" {}

output "admins" {
  value = [for user in data.netbird_users.all.users : user.email if user.role == "admin"]
}
