export type {
  Device,
  DeviceConfig,
  IncomingConnection,
  IncomingFlow,
  Key,
  PeerConfig,
  PeerStatus,
  Tunnel,
  TunnelOptions,
  TunnelPath,
} from "./api.ts";
export type { Dialer, DialOptions, DialTarget, TunnelDatagramSocket, TunnelSocket } from "./dialer.ts";
export { createDirectDialer } from "./edge/direct-dialer.ts";
export { generatePrivateKey } from "./edge/generate-private-key.ts";
export { createTunnel } from "./edge/tunnel.ts";
export { keyFromBase64, keyToBase64, publicKeyOf } from "./noise/keys.ts";
