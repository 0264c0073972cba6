import type { management } from "@netbird-proxy/proto/grpc";

/** One message for a proxy, `SyncMappingsResponse` in all but the encoding. */
export interface MappingMessage {
  mappings: management.ProxyMapping[];
  /** True for the last message of the snapshot or delta that starts a stream. */
  initialSyncComplete: boolean;
  /** The log's revision when this message is applied; 0 while more messages belong to it. */
  revision: number;
  /** Of the log; empty when the revision is 0. */
  epoch: string;
  /** True for the messages of a starting delta. */
  delta: boolean;
  /** Part of what starts the stream. */
  initial: boolean;
}
