import { rootCertificates } from "node:tls";
import { type ClientOptions, credentials } from "@grpc/grpc-js";
import { agent } from "@netbird-proxy/proto/grpc";
import type { ManagementAddress } from "../config.ts";

/**
 * A client for one attempt. Each attempt takes a new one: grpc-js would otherwise keep a backoff of its own, and an old
 * address of the server, beside ours. The caller closes it.
 */
export function managementClient(management: ManagementAddress): agent.AgentServiceClient {
  const options: ClientOptions = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    // Servers and the proxies before them answer faster PINGs than one per 15 s with GOAWAY.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.max_receive_message_length": 16 << 20,
    // An HTTP proxy from the environment cannot reach this host's own loopback.
    ...(management.loopback && { "grpc.enable_http_proxy": 0 }),
  };
  return new agent.AgentServiceClient(management.target, channelCredentials(management), options);
}

function channelCredentials({ tls, extraCa }: ManagementAddress) {
  if (!tls) return credentials.createInsecure();
  if (extraCa === undefined) return credentials.createSsl();
  return credentials.createSsl(Buffer.from([...rootCertificates, extraCa].join("\n")));
}
