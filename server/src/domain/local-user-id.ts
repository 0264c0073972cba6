import { randomUUID } from "node:crypto";
import type { UserId } from "@netbird-proxy/proto";

/** Users who sign in with a password that this server keeps. */
export const LOCAL_CONNECTOR = "local";

/** As NetBird's embedded identity provider writes it: protobuf {1: uuid, 2: "local"} in unpadded base64. */
export function newLocalUserId(): UserId {
  const uuid = randomUUID();
  const bytes = Buffer.concat([
    Buffer.from([0x0a, uuid.length]),
    Buffer.from(uuid),
    Buffer.from([0x12, LOCAL_CONNECTOR.length]),
    Buffer.from(LOCAL_CONNECTOR),
  ]);
  return bytes.toString("base64").replace(/=+$/, "") as UserId;
}
