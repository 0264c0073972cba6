import { createSocket } from "node:dgram";
import { connect } from "node:net";
import {
  createTunnel,
  type Device,
  generatePrivateKey,
  keyToBase64,
  publicKeyOf,
  type Tunnel,
} from "@netbird-proxy/tunnel";
import type { TestProxy } from "./proxy.ts";

export const PEER = "100.64.0.2";

/** A peer on the other end of the proxy's tunnel; passes connections to its own loopback. */
export async function joinPeer(proxy: TestProxy): Promise<{ tunnel: Tunnel; device: Device }> {
  const privateKey = generatePrivateKey();
  const tunnel = await createTunnel({ port: 0, bindAddresses: ["127.0.0.1"] });
  const device = tunnel.addDevice({
    privateKey,
    addresses: [PEER],
    onConnection: (incoming) => {
      const local = connect({ host: "127.0.0.1", port: incoming.localPort, allowHalfOpen: true });
      local.once("error", () => incoming.refuse("refused"));
      local.once("connect", () => {
        local.removeAllListeners("error");
        const remote = incoming.accept();
        local.on("error", () => remote.destroy());
        remote.on("error", () => local.destroy());
        remote.on("close", () => local.destroy());
        local.pipe(remote);
        remote.pipe(local);
      });
    },
    onFlow: (incoming) => {
      const remote = incoming.accept();
      const local = createSocket("udp4");
      local.on("message", (datagram) => remote.send(datagram));
      remote.onMessage((datagram) => local.send(datagram, incoming.localPort, "127.0.0.1"));
      local.unref();
    },
  });
  proxy.management.tunnelState = ({ accountId, publicKey }) => {
    device.setPeer({
      publicKey: Uint8Array.from(Buffer.from(publicKey, "base64")),
      allowedIps: ["100.64.0.1/32"],
      endpoint: `127.0.0.1:${proxy.app.listening.wireguardPort}`,
      persistentKeepaliveSeconds: 5,
    });
    return {
      accountId,
      revision: 1n,
      address: "100.64.0.1",
      addressV6: "",
      peers: [
        {
          peerId: "peer-1",
          name: "peer-1",
          publicKey: keyToBase64(publicKeyOf(privateKey)),
          presharedKey: "",
          allowedIps: [`${PEER}/32`],
          endpoint: "",
          identity: undefined,
        },
      ],
      routes: [],
      groups: [],
    };
  };
  return { tunnel, device };
}
