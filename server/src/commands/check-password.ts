import { createHash } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import { addressBlock } from "../domain/address-block.ts";
import type { createHashGate } from "../secrets/hash-gate.ts";
import { verifySecret } from "../secrets/password-hash.ts";
import { chargeFailure, type FailureBudget, refundFailure } from "../store/failure-budgets.ts";
import { findLocalUser, type User } from "../store/users.ts";
import type { CommandContext } from "./context.ts";

/** From one place: ten tries at once, then one a minute. */
const FROM_PLACE: FailureBudget = { name: "password here", burst: 10, refillMs: 60_000 };
/** From everywhere together, for who guesses from many places. */
const FROM_ANYWHERE: FailureBudget = { name: "password", burst: 100, refillMs: 300_000 };

export interface PasswordAttempt {
  email: string;
  password: string;
  /** Of the transport, or of a trusted proxy's header. */
  address: string;
  /** Of a browser that this user has signed in with before: strangers' guesses do not count against it. */
  knownDevice?: { id: string; userId: string } | undefined;
}

export interface PasswordPorts {
  context: CommandContext;
  hashGate: ReturnType<typeof createHashGate>;
}

// Of a password that nobody has: an unknown address takes as long as a wrong password.
const NOBODY =
  "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$7Lq5Kd3AyMp1SrhEqVxqhcJ2nHtwdkXWbyfFUVRTNqA";

/**
 * Tries are counted before the password is looked at, in the database, so that neither many at once nor many servers help.
 * Counting goes by user and place: somebody else behind the same address has tries of their own.
 *
 * @throws AppError `auth.wrong_credentials`, `auth.rate_limited`
 */
export async function checkPassword(
  { context, hashGate }: PasswordPorts,
  { email, password, address, knownDevice }: PasswordAttempt,
): Promise<User> {
  const { store, nowMs } = context;
  const user = await findLocalUser(store.db, email);
  // Whatever was typed, of whatever length, is one short key.
  const who = createHash("sha256").update(email.toLowerCase()).digest("base64url").slice(0, 22);
  const charges: [FailureBudget, string][] =
    knownDevice && user && knownDevice.userId === user.id
      ? [[FROM_PLACE, `${who} ${knownDevice.id}`]]
      : [
          [FROM_PLACE, `${who} ${addressBlock(address)}`],
          [FROM_ANYWHERE, who],
        ];
  for (const [budget, key] of charges) {
    if (await chargeFailure(store.db, budget, key, nowMs())) continue;
    throw new AppError("auth.rate_limited", "too many wrong passwords for this address", {
      hint: `Wait ${budget.refillMs / 60_000} min and try again.`,
      retryAfterSeconds: budget.refillMs / 1000,
    });
  }
  const right = await hashGate(() => verifySecret(user?.passwordHash ?? NOBODY, password));
  if (!right || !user) throw new AppError("auth.wrong_credentials", "address or password is wrong");
  for (const [budget, key] of charges) await refundFailure(store.db, budget, key);
  return user;
}
