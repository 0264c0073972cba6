import type { DataSource } from "../framework/resource.ts";
import { text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { fetchWireguardConfig } from "../resources/wireguard-config.ts";

const attributes = {
  peer_id: text({ description: "Id of the device, a `netbird_wireguard_peer`.", required: true }),
  private_key: text({
    description:
      "The device's private key, to be put into the file. Without it, the file says where it goes.",
    optional: true,
    sensitive: true,
  }),
  config: text({
    description: "A wg-quick file for the device, with every proxy that serves the account now.",
    computed: true,
    sensitive: true,
  }),
};

export const wireguardConfigData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_wireguard_config",
  schema: {
    version: 0,
    description:
      "The WireGuard configuration of a stock device as it is now. A proxy joins an account with the account's first service, so a device that is made before needs this, with `depends_on`.",
    attributes,
  },

  async read({ client, config, signal }) {
    const file = await fetchWireguardConfig(client, config.peer_id!, config.private_key, signal);
    return { ...config, config: file };
  },
};
