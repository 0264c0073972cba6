import type { CommandContext } from "../commands/context.ts";
import { systemActor } from "../commands/context.ts";
import { rotateSessionKey } from "../commands/rotate-session-key.ts";
import { listServicesWithOldSessionKey } from "../store/services.ts";

const ROTATE_AFTER_MS = 90 * 86_400_000;
/** A look must not make thousands of changes at once. */
const MAX_PER_LOOK = 50;

/** Gives services whose session key has got old a new one. Nobody is signed out by it. */
export async function rotateSessionKeys(context: CommandContext): Promise<void> {
  const before = context.nowMs() - ROTATE_AFTER_MS;
  for (const { accountId, id } of await listServicesWithOldSessionKey(
    context.store.db,
    before,
    MAX_PER_LOOK,
  )) {
    await rotateSessionKey(context, systemActor(accountId), id);
  }
}
