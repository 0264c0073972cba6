variable "shop_password" {
  type      = string
  ephemeral = true
  default   = "correct horse battery staple"
}

data "netbird_peer" "web" {
  name = "web"
}

resource "netbird_group" "staff" {
  name = "staff"
}

resource "netbird_proxy_service" "shop" {
  name   = "shop"
  domain = "shop.proxy.example.test"

  targets = {
    "/" = {
      target_type = "peer"
      target_id   = data.netbird_peer.web.id
      port        = 3000
      # Share the requests, and take them all when another one cannot be reached.
      replicas = [{ target_type = "peer", target_id = data.netbird_peer.web.id, port = 3001 }]
    }
    "/api" = {
      target_type = "peer"
      target_id   = data.netbird_peer.web.id
      port        = 8443
      protocol    = "https"
      options     = { path_rewrite = "preserve", request_timeout = "30s" }
    }
  }

  auth = {
    password = { value_wo = var.shop_password, version = 1 }
    sso      = { groups = [netbird_group.staff.id] }
  }

  access_restrictions = {
    allowed_countries = ["DE", "FR"]
  }

  rewrite_redirects = true
  timeouts          = { create = "5m" }
}

# Layer 4 modes take one target. Nobody can be asked who they are, so the networks are limited instead.
resource "netbird_proxy_service" "database" {
  name   = "database"
  domain = "db.proxy.example.test"
  mode   = "tcp"
  target = { target_type = "peer", target_id = data.netbird_peer.web.id, port = 5432 }

  access_restrictions = {
    allowed_cidrs = ["192.0.2.0/24"]
  }
}

output "shop" {
  value = netbird_proxy_service.shop.url
}
