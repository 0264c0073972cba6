import { randomInt } from "node:crypto";
import type { CommandContext } from "../commands/context.ts";
import type { ServerConfig } from "../config.ts";
import { readOrCreateKeyFile } from "../secrets/key-file.ts";
import { openStore } from "../store/open.ts";

/** Opens the database that the configuration names. The caller closes `context.store`. */
export async function openContext(config: ServerConfig): Promise<CommandContext> {
  const { encryptionKey: key } = config;
  const store = await openStore({
    database: config.database,
    encryptionKey: "value" in key ? Buffer.from(key.value, "base64") : readOrCreateKeyFile(key.file),
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
