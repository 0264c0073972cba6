import { type ChannelOptions, credentials, Metadata } from "@grpc/grpc-js";
import { certificates, control, management } from "@netbird-proxy/proto/grpc";

export interface ManagementEndpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly token: string;
}

/** Clients of all services on one channel, with the token in every call. */
export interface ManagementClient {
  readonly proxyService: management.ProxyServiceClient;
  readonly proxyControl: control.ProxyControlClient;
  readonly certificateStore: certificates.CertificateStoreClient;
  readonly metadata: Metadata;
  close(): void;
}

const channelOptions: ChannelOptions = {
  // A stock server allows a ping every 15 s and closes silent connections; 20 s keeps clear of both.
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  // Stock servers cut snapshots by count, not by size; with the default of 4 MiB a few large services would keep us
  // from ever getting one.
  "grpc.max_receive_message_length": 256 * 1024 * 1024,
  "grpc.max_send_message_length": 64 * 1024 * 1024,
  "grpc.initial_reconnect_backoff_ms": 500,
  "grpc.max_reconnect_backoff_ms": 5000,
  // The address we were given is the one to use, whatever http_proxy says.
  "grpc.enable_http_proxy": 0,
};

/** Does not connect yet. Further certificate authorities come in through NODE_EXTRA_CA_CERTS. */
export function connectManagement(endpoint: ManagementEndpoint): ManagementClient {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${endpoint.token}`);
  const target = `${endpoint.host}:${endpoint.port}`;
  const channelCredentials = endpoint.tls ? credentials.createSsl() : credentials.createInsecure();
  const proxyService = new management.ProxyServiceClient(target, channelCredentials, channelOptions);
  // One connection for all: the server sees one proxy, and keepalive watches one socket.
  const shared = { ...channelOptions, channelOverride: proxyService.getChannel() };
  const proxyControl = new control.ProxyControlClient(target, channelCredentials, shared);
  const certificateStore = new certificates.CertificateStoreClient(target, channelCredentials, shared);
  return { proxyService, proxyControl, certificateStore, metadata, close: () => proxyService.close() };
}
