data "netbird_reverse_proxy_clusters" "all" {}
