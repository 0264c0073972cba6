output "address" {
  value = provider::netbird::service_url("tcp", "db.example.com", 5432)
}
