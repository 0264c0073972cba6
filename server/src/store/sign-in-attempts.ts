import { attemptsLeft, guessing, waitAfterMs } from "@netbird-proxy/proto";
import { addressBlock } from "../domain/address-block.ts";
import { chargeFailure, type FailureBudget, refundFailure } from "./failure-budgets.ts";
import type { Db } from "./transaction.ts";

/** What of a service a visitor guesses at. */
export interface SignInGuess {
  serviceId: string;
  method: "password" | "pin" | "header";
  /** Empty: the proxy does not say. Then only the budget over all addresses holds. */
  address: string;
}

export type SignInCharge =
  /** The attempt may be made. `left`: how many wrong ones may follow it without a wait; undefined without an address. */
  | { ok: true; left: number | undefined; refund(outcome: { right: boolean }): Promise<void> }
  | { ok: false; waitMs: number };

const FIRST: FailureBudget = { name: "sign-in first", ...guessing.first };
const AGAIN: FailureBudget = { name: "sign-in again", ...guessing.again };
/** Of several servers or attempts at once one wins each round. */
const ROUNDS = 50;

/**
 * Counts an attempt as wrong, before the secret is looked at, for all proxies and servers together; the rules are
 * {@link guessing}. What is refused costs one read.
 */
export async function chargeSignIn(db: Db, guess: SignInGuess, nowMs: number): Promise<SignInCharge> {
  const secret = `${guess.serviceId} ${guess.method}`;
  if (guess.address === "") {
    if (!(await chargeFailure(db, AGAIN, secret, nowMs))) return { ok: false, waitMs: AGAIN.refillMs };
    return { ok: true, left: undefined, refund: () => refundFailure(db, AGAIN, secret) };
  }
  const place = `sign-in ${secret} ${addressBlock(guess.address)}`;
  const counted = await countAtPlace(db, place, nowMs);
  if (!counted.ok) return counted;
  const { failures } = counted;
  let budget = failures === 1 ? FIRST : AGAIN;
  let charged = await chargeFailure(db, budget, secret, nowMs);
  if (!charged && budget === FIRST) {
    budget = AGAIN;
    charged = await chargeFailure(db, budget, secret, nowMs);
  }
  if (!charged) {
    await uncountAtPlace(db, place, false);
    return { ok: false, waitMs: AGAIN.refillMs };
  }
  return {
    ok: true,
    left: attemptsLeft(failures),
    async refund({ right }) {
      await refundFailure(db, budget, secret);
      await uncountAtPlace(db, place, right);
    },
  };
}

/** @returns the failures of this place, with this one */
async function countAtPlace(
  db: Db,
  key: string,
  nowMs: number,
): Promise<{ ok: true; failures: number } | { ok: false; waitMs: number }> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const row = await db("failure_budgets").where({ key }).first();
    if (!row) {
      const made = await db("failure_budgets")
        .insert({ key, level: 1, at_ms: nowMs })
        .onConflict("key")
        .ignore()
        .returning("key");
      if (made.length > 0) return { ok: true, failures: 1 };
      continue;
    }
    const atMs = Number(row.at_ms);
    const before = nowMs - atMs < guessing.forgottenMs ? Number(row.level) : 0;
    const delayMs = waitAfterMs(before);
    // Another attempt of the same moment may be newer than this one without making it wait.
    if (delayMs > 0 && atMs + delayMs > nowMs) return { ok: false, waitMs: atMs + delayMs - nowMs };
    // Nobody else counted in between, or it is looked at again.
    const changed = await db("failure_budgets")
      .where({ key, level: row.level, at_ms: row.at_ms })
      .update({ level: before + 1, at_ms: nowMs });
    if (changed === 1) return { ok: true, failures: before + 1 };
  }
  return { ok: false, waitMs: 1_000 };
}

async function uncountAtPlace(db: Db, key: string, right: boolean): Promise<void> {
  if (right) await db("failure_budgets").where({ key }).delete();
  else await db("failure_budgets").where({ key }).where("level", ">", 0).decrement("level", 1);
}
