data "netbird_proxy_clusters" "all" {}

locals {
  cluster = one([for cluster in data.netbird_proxy_clusters.all.clusters : cluster.address if cluster.online])
}

output "example_domain" {
  value = "shop.${local.cluster}"
}
