import { AppError } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import { signIn } from "../commands/sign-in.ts";
import { hashToken, isWellFormedToken } from "../domain/token.ts";
import type { Identity } from "../identity/identity.ts";
import { findPersonalAccessToken, touchPersonalAccessToken } from "../store/personal-access-tokens.ts";
import { getUser, type User } from "../store/users.ts";
import type { Caller } from "./app-type.ts";

// A write for every request would make reads as costly as writes.
const TOUCH_EVERY_MS = 60_000;

export interface AuthenticatePorts {
  context: CommandContext;
  identity: Identity;
  log: Pick<Logger, "warn">;
}

/**
 * The caller behind an `Authorization` header: `Token nbp_...`, `Bearer nbp_...`, or `Bearer` with a JWT of the identity
 * provider. An unknown token answers 401: NetBird's 404 makes its Terraform provider drop the object from the state.
 *
 * @throws AppError `auth.missing_token`, `auth.invalid_token`, `auth.expired_token`, `identity.unreachable`
 */
export async function authenticate(ports: AuthenticatePorts, header: string | undefined): Promise<Caller> {
  if (header === undefined || header === "") throw new AppError("auth.missing_token", "no token was sent");
  const [scheme, token, ...rest] = header.split(" ");
  const kind = scheme?.toLowerCase();
  if ((kind !== "token" && kind !== "bearer") || token === undefined || rest.length > 0) {
    throw new AppError("auth.missing_token", "the Authorization header is not `Token nbp_...`");
  }
  if (kind === "bearer" && looksLikeJwt(token)) {
    const { context, identity } = ports;
    const claims = await identity.client().verify(token);
    const { userIdClaim } = identity;
    return callerOf(
      await signIn(context, claims, { embedded: identity.embedded !== undefined, userIdClaim }),
    );
  }
  return { ...callerOf(await userOfToken(ports, token)), tokenHash: hashToken(token) };
}

function callerOf(user: User): Caller {
  return { user, actor: { account: user.accountId, id: user.id, name: user.name, email: user.email } };
}

async function userOfToken({ context, log }: AuthenticatePorts, token: string): Promise<User> {
  const { db } = context.store;
  const nowMs = context.nowMs();
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
  return user;
}

/** Compact serialisation with a signature: three parts (RFC 7515 §3.1). */
function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}
