import {
  createTunnel,
  type Device,
  type DeviceConfig,
  generatePrivateKey,
  publicKeyOf,
  type Tunnel,
} from "../../src/index.ts";

/** Two tunnels on real UDP sockets on loopback, one device each, that know each other. */
export interface LoopbackTunnels {
  readonly client: Device;
  readonly server: Device;
  readonly clientTunnel: Tunnel;
  readonly serverTunnel: Tunnel;
  close(): Promise<void>;
}

export const CLIENT_ADDRESS = "10.0.0.1";
export const SERVER_ADDRESS = "10.0.0.2";

export async function loopbackTunnels(
  config: Pick<DeviceConfig, "onConnection" | "onFlow"> = {},
): Promise<LoopbackTunnels> {
  const clientTunnel = await createTunnel({ bindAddresses: ["127.0.0.1"] });
  const serverTunnel = await createTunnel({ bindAddresses: ["127.0.0.1"] });
  const clientKey = generatePrivateKey();
  const serverKey = generatePrivateKey();
  const client = clientTunnel.addDevice({ privateKey: clientKey, addresses: [CLIENT_ADDRESS, "fd00::1"] });
  const server = serverTunnel.addDevice({
    privateKey: serverKey,
    addresses: [SERVER_ADDRESS, "fd00::2"],
    ...config,
  });
  client.setPeer({
    publicKey: publicKeyOf(serverKey),
    allowedIps: [`${SERVER_ADDRESS}/32`, "fd00::2/128", "10.9.0.0/16"],
    endpoint: `127.0.0.1:${serverTunnel.port}`,
  });
  server.setPeer({ publicKey: publicKeyOf(clientKey), allowedIps: [`${CLIENT_ADDRESS}/32`, "fd00::1/128"] });
  return {
    client,
    server,
    clientTunnel,
    serverTunnel,
    close: async () => {
      await clientTunnel.close();
      await serverTunnel.close();
    },
  };
}
