import { randomInt } from "node:crypto";
import type { CommandContext } from "../commands/context.ts";
import { ENCRYPTION_KEY_VARIABLE, type ServerConfig } from "../config.ts";
import { openKeyFile } from "../secrets/key-file.ts";
import { parseKeys } from "../secrets/key-text.ts";
import { fixedKeyring } from "../secrets/keyring.ts";
import { openStore, type StoreOptions } from "../store/open.ts";

/** Opens the database that the configuration names. The caller closes `context.store`. */
export async function openContext(
  config: ServerConfig,
  options: Pick<StoreOptions, "busyTimeoutMs"> = {},
): Promise<CommandContext> {
  const { encryptionKey: key } = config;
  const store = await openStore({
    ...options,
    database: config.database,
    encryptionKey:
      "value" in key
        ? fixedKeyring(parseKeys(key.value, ENCRYPTION_KEY_VARIABLE), ENCRYPTION_KEY_VARIABLE)
        : openKeyFile(key.file),
  });
  const { portRange, auditEventsEnabled } = config;
  return {
    store,
    nowMs: () => Date.now(),
    random: (below) => randomInt(below),
    portRange,
    auditEventsEnabled,
  };
}
