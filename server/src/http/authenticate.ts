import { AppError } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import { hashToken, isWellFormedToken } from "../domain/token.ts";
import { findPersonalAccessToken, touchPersonalAccessToken } from "../store/personal-access-tokens.ts";
import type { Db } from "../store/transaction.ts";
import { getUser } from "../store/users.ts";
import type { Caller } from "./app-type.ts";

// A write for every request would make reads as costly as writes.
const TOUCH_EVERY_MS = 60_000;

/**
 * The caller behind an `Authorization` header: `Token nbp_...` or `Bearer nbp_...`.
 * An unknown token answers 401: NetBird's 404 makes its Terraform provider drop the object from the state.
 *
 * @throws AppError `auth.missing_token`, `auth.invalid_token`, `auth.expired_token`
 */
export async function authenticate(
  db: Db,
  header: string | undefined,
  nowMs: number,
  log: Pick<Logger, "warn">,
): Promise<Caller> {
  if (header === undefined || header === "") throw new AppError("auth.missing_token", "no token was sent");
  const [scheme, token, ...rest] = header.split(" ");
  const known = scheme?.toLowerCase() === "token" || scheme?.toLowerCase() === "bearer";
  if (!known || token === undefined || rest.length > 0) {
    throw new AppError("auth.missing_token", "the Authorization header is not `Token nbp_...`");
  }
  if (!isWellFormedToken(token, "nbp_")) {
    throw new AppError(
      "auth.invalid_token",
      "the token is no personal access token, or was not copied whole",
    );
  }
  const row = await findPersonalAccessToken(db, hashToken(token));
  if (!row) throw new AppError("auth.invalid_token", "the token is unknown or was deleted");
  if (row.expiresAt <= nowMs) throw new AppError("auth.expired_token", "the token has expired");
  const user = await getUser(db, row.accountId, row.userId);
  if (!user) throw new AppError("auth.invalid_token", "the token's user is gone");
  if (row.lastUsed === null || nowMs - row.lastUsed >= TOUCH_EVERY_MS) {
    // A full disk must not stop reads.
    await touchPersonalAccessToken(db, row.id, nowMs).catch((error) =>
      log.warn({ err: error }, "last use of a token was not recorded"),
    );
  }
  return { user, actor: { account: user.accountId, id: user.id, name: user.name, email: user.email } };
}
