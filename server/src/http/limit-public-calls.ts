import { AppError } from "@netbird-proxy/proto";
import type { CommandContext } from "../commands/context.ts";
import { addressBlock } from "../domain/address-block.ts";
import { chargeFailure, type FailureBudget } from "../store/failure-budgets.ts";

/**
 * For routes that answer anybody: so many calls per address, whichever server is asked.
 * @returns counts a call. @throws AppError `auth.rate_limited`
 */
export function limitPublicCalls({ store, nowMs }: CommandContext, budget: FailureBudget) {
  return async (address: string): Promise<void> => {
    if (await chargeFailure(store.db, budget, addressBlock(address), nowMs())) return;
    throw new AppError("auth.rate_limited", "too many requests from this address", {
      hint: `Wait ${Math.ceil(budget.refillMs / 1000)} s and try again.`,
      retryAfterSeconds: Math.ceil(budget.refillMs / 1000),
    });
  };
}
