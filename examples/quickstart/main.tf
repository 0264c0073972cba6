# Two paths of one domain, served by a machine that has no port open to the internet.
# `npm run quickstart` starts everything this needs and applies it.

terraform {
  required_providers {
    netbird = {
      source  = "netbirdio/netbird"
      version = ">= 0.1.0"
    }
  }
}

# The address and the token come from NB_MANAGEMENT_URL and NB_PAT.
provider "netbird" {}

variable "peer_name" {
  description = "Name of the machine that runs the two services."
  type        = string
  default     = "quickstart-agent"
}

variable "domain" {
  description = "Where visitors reach them: a name under the proxy's domain."
  type        = string
  default     = "hello.proxy.localhost"
}

variable "web_port" {
  description = "Port of the service behind /."
  type        = number
  default     = 3000
}

variable "api_port" {
  description = "Port of the service behind /api."
  type        = number
  default     = 3001
}

data "netbird_peer" "agent" {
  name = var.peer_name
}

resource "netbird_group" "web" {
  name  = "web servers"
  peers = [data.netbird_peer.agent.id]
}

# More machines join the same group with this key: netbird-agent --setup-key ...
resource "netbird_setup_key" "web" {
  name           = "web servers"
  expiry_seconds = 86400
  auto_groups    = [netbird_group.web.id]
}

resource "netbird_proxy_service" "hello" {
  name   = "hello"
  domain = var.domain

  targets = {
    "/"    = { target_type = "peer", target_id = data.netbird_peer.agent.id, port = var.web_port }
    "/api" = { target_type = "peer", target_id = data.netbird_peer.agent.id, port = var.api_port }
  }

  # Everyone may visit. Replace this line by an `auth` block to ask visitors who they are.
  public = true
}

output "url" {
  value = netbird_proxy_service.hello.url
}

output "status" {
  value = netbird_proxy_service.hello.status
}
