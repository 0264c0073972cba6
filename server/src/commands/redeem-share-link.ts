import { timingSafeEqual } from "node:crypto";
import type { AccountId } from "@netbird-proxy/proto";
import { linkSessionTag } from "../domain/session-tag.ts";
import { sessionSeconds } from "../domain/session-times.ts";
import { hashToken, isWellFormedToken } from "../domain/token.ts";
import { signSession } from "../secrets/session-token.ts";
import { countGrantUse } from "../store/grant-uses.ts";
import { getService, SESSION_KEY_PURPOSE } from "../store/services.ts";
import type { CommandContext } from "./context.ts";

export type RedeemedLink =
  | { ok: true; sessionToken: string; path: string; expiresAtSeconds: number }
  | { ok: false; why: "unknown" | "expired" | "used-up" };

/**
 * Exchanges the secret of a share link for a session, which ends with the link at the latest. Counts one use: of a link for
 * one visitor only the first gets in, whichever proxy or server they come through.
 */
export async function redeemShareLink(
  { store, nowMs }: CommandContext,
  account: AccountId,
  serviceId: string,
  secret: string,
): Promise<RedeemedLink> {
  if (!isWellFormedToken(secret, "nbl_")) return { ok: false, why: "unknown" };
  const service = await getService(store.db, account, serviceId);
  if (!service?.auth.shareLink?.enabled) return { ok: false, why: "unknown" };
  const hash = Buffer.from(hashToken(secret));
  const link = service.grants.links.find((one) => timingSafeEqual(Buffer.from(one.hash), hash));
  if (!link) return { ok: false, why: "unknown" };
  const now = nowMs();
  if (link.expiresAt <= now) return { ok: false, why: "expired" };
  const counted = await countGrantUse(store.db, {
    service: service.id,
    grant: link.id,
    maxUses: link.maxUses,
    nowMs: now,
  });
  if (!counted) return { ok: false, why: "used-up" };
  const key = store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
  const lifetimeSeconds = Math.min(sessionSeconds(service.auth), Math.ceil((link.expiresAt - now) / 1000));
  const subject = {
    subject: link.id,
    method: "link" as const,
    tag: linkSessionTag(service, link),
    lifetimeSeconds,
  };
  return {
    ok: true,
    sessionToken: await signSession(key, service.domain, subject, now),
    path: link.path,
    expiresAtSeconds: Math.floor(now / 1000) + lifetimeSeconds,
  };
}
