data "netbird_peer" "web" {
  name = "web"
}

# Joins a machine that is being made in the same run; used up or not, the key is gone afterwards.
ephemeral "netbird_setup_key" "machine" {
  name = "machine"
}

resource "netbird_proxy_service" "shop" {
  name    = "shop"
  domain  = "shop.proxy.example.test"
  targets = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = 3000 } }
  auth = {
    # Any write-only argument takes an ephemeral value.
    password = { value_wo = ephemeral.netbird_setup_key.machine.key, version = 1 }
  }
}
