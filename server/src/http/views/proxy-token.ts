import type { ProxyToken } from "@netbird-proxy/proto/rest";
import type { ProxyToken as StoredToken } from "../../store/proxy-tokens.ts";
import { timestamp } from "./timestamp.ts";

export function viewProxyToken(token: StoredToken): ProxyToken {
  return {
    id: token.id,
    name: token.name,
    created_at: timestamp(token.createdAt),
    revoked: token.revoked,
    ...(token.expiresAt === null ? {} : { expires_at: timestamp(token.expiresAt) }),
    ...(token.lastUsed === null ? {} : { last_used: timestamp(token.lastUsed) }),
  };
}
