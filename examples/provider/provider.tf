terraform {
  required_providers {
    netbird = {
      source  = "netbirdio/netbird"
      version = ">= 0.1.0"
    }
  }
}

# Both can be left out in favour of NB_MANAGEMENT_URL and NB_PAT.
variable "management_url" {
  type = string
}

variable "token" {
  type      = string
  sensitive = true
}

provider "netbird" {
  management_url = var.management_url
  token          = var.token
}
