import { management } from "@netbird-proxy/proto/grpc";
import type { MappingMessage } from "../../reconcile/mapping-message.ts";

type Response = management.SyncMappingsResponse;

const responses = new WeakMap<MappingMessage, Response>();
/** Of answers that are shared; undefined until the first is sent. */
const encoded = new WeakMap<Response, Buffer | undefined>();

/** What goes over the wire for a message. A message that many proxies are sent is one answer, encoded once. */
export function syncResponse(message: MappingMessage): Response {
  const known = responses.get(message);
  if (known) return known;
  const response: Response = {
    mapping: message.mappings,
    initialSyncComplete: message.initialSyncComplete,
    revision: BigInt(message.revision),
    epoch: message.epoch,
    delta: message.delta,
  };
  // What starts a stream is for this one, and large.
  if (message.initial) return response;
  responses.set(message, response);
  encoded.set(response, undefined);
  return response;
}

const { syncMappings } = management.ProxyServiceService;

/** The service as it is generated, with answers that are shared encoded once. */
export const proxyServiceDefinition: typeof management.ProxyServiceService = {
  ...management.ProxyServiceService,
  syncMappings: {
    ...syncMappings,
    responseSerialize(response) {
      const known = encoded.get(response);
      if (known) return known;
      const bytes = syncMappings.responseSerialize(response);
      if (encoded.has(response)) encoded.set(response, bytes);
      return bytes;
    },
  },
};
