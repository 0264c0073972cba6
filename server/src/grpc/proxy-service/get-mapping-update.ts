import type { handleServerStreamingCall } from "@grpc/grpc-js";
import type { management } from "@netbird-proxy/proto/grpc";
import { proxyCallerOf } from "../callers.ts";
import { serveStream } from "../serve-call.ts";
import { type MappingPorts, type ProxyProgress, runMappingSession } from "./mapping-session.ts";

type Request = management.GetMappingUpdateRequest;
type Response = management.GetMappingUpdateResponse;

/** The older control stream: no acks, so a message counts as applied when the transport has taken it. */
export function getMappingUpdate(ports: MappingPorts): handleServerStreamingCall<Request, Response> {
  return (call) =>
    serveStream<Request, Response>(call, ports.log, async (life) => {
      let progress: ProxyProgress | undefined;
      await runMappingSession(ports, proxyCallerOf(call), call.getPeer(), call.request, life as never, {
        accepted(noted) {
          progress = noted;
        },
        async deliver({ mappings, initialSyncComplete, revision }) {
          await life.send({ mapping: mappings, initialSyncComplete });
          if (revision > 0) progress?.applied(revision);
        },
      });
    });
}
