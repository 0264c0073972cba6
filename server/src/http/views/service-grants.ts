import type { ServiceToken, ShareLink } from "@netbird-proxy/proto/rest";
import type { GrantUse } from "../../store/grant-uses.ts";
import type { StoredServiceToken, StoredShareLink } from "../../store/services.ts";
import { timestamp } from "./timestamp.ts";

export function viewServiceToken(token: StoredServiceToken, use: GrantUse | undefined): ServiceToken {
  return {
    id: token.id,
    name: token.name,
    created_at: timestamp(token.createdAt),
    created_by: token.createdBy,
    ...(token.expiresAt === null ? {} : { expires_at: timestamp(token.expiresAt) }),
    ...(use === undefined ? {} : { last_used: timestamp(use.lastUsedAt) }),
  };
}

export function viewShareLink(link: StoredShareLink, use: GrantUse | undefined): ShareLink {
  return {
    id: link.id,
    name: link.name,
    path: link.path,
    created_at: timestamp(link.createdAt),
    created_by: link.createdBy,
    expires_at: timestamp(link.expiresAt),
    max_uses: link.maxUses,
    uses: use?.uses ?? 0,
    ...(use === undefined ? {} : { last_used: timestamp(use.lastUsedAt) }),
  };
}
