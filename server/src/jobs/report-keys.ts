import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import { readReplacedKeys } from "../store/replaced-keys.ts";
import { deleteServerKeyring, KEYRING_REPORT_MS, saveServerKeyring } from "../store/server-keyrings.ts";
import { every } from "./every.ts";

const LOOK_EVERY_MS = 1_000;

/**
 * Notices a key file that has changed and a rotation that has run on another server, and says in the database which keys
 * this server has: a rotation waits for that.
 * @param label names this server to people
 */
export function reportKeys(
  { store, nowMs }: Pick<CommandContext, "store" | "nowMs">,
  label: string,
  log: Logger,
): () => Promise<void> {
  const { db, keyring } = store;
  const serverId = randomUUID();
  let reported = { keys: "", atMs: Number.NEGATIVE_INFINITY };
  // A file or database that stays broken is worth one line, not one each second.
  const tellOnce = (message: string) => {
    let told = "";
    return async (work: () => unknown) => {
      try {
        await work();
        told = "";
      } catch (error) {
        const why = (error as Error).message;
        if (told !== why) log.error({ err: error }, message);
        told = why;
      }
    };
  };
  const readFile = tellOnce("the changed encryption key file cannot be used; the keys stay as they were");
  const report = tellOnce("the encryption keys of this server cannot be reported");

  async function look(): Promise<void> {
    await readFile(() => keyring.refresh());
    await report(async () => {
      keyring.replaced(await readReplacedKeys(db));
      const currentKey = keyring.current().id;
      const knownKeys = keyring.keys().map(({ id }) => id);
      const keys = [currentKey, ...knownKeys].join(" ");
      const seenAt = nowMs();
      if (keys === reported.keys && seenAt - reported.atMs < KEYRING_REPORT_MS) return;
      await saveServerKeyring(db, { serverId, label, currentKey, knownKeys, seenAt });
      if (reported.keys !== "" && keys !== reported.keys)
        log.info({ currentKey, knownKeys }, "encryption keys changed");
      reported = { keys, atMs: seenAt };
    });
  }

  const stop = every(LOOK_EVERY_MS, "report-keys", look, log);
  return async () => {
    await stop();
    await deleteServerKeyring(db, serverId).catch(() => {});
  };
}
