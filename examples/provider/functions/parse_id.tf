output "network" {
  value = provider::netbird::parse_id("d2k0example0000000ab/d2k0example0000000ac").parent
}
