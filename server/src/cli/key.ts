import { setTimeout as sleep } from "node:timers/promises";
import {
  addKey,
  type KeyPorts,
  type KeyStatus,
  pruneKeys,
  readKeyStatus,
  rotateKey,
} from "../commands/encryption-keys.ts";
import type { ServerConfig } from "../config.ts";
import { openContext } from "./open-context.ts";
import type { Terminal } from "./run.ts";
import { parseOptions, UsageError } from "./usage-error.ts";

/** Hundreds of transactions beside a busy server: one that finds no gap must not end the work. */
const BUSY_TIMEOUT_MS = 60_000;

/** Keys of what is encrypted at rest; docs/secrets.md tells when to use which. */
export async function keyCommand(args: string[], config: ServerConfig, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseOptions(args, { json: { type: "boolean" } });
  const [verb = "", ...ids] = positionals;
  const work = verbs[verb];
  if (!work) throw new UsageError("key needs one of status, add, rotate, prune");
  if (ids.length > 0 && verb !== "prune") throw new UsageError(`key ${verb} takes no ${ids[0]}`);
  if (values.json && verb !== "status") throw new UsageError(`key ${verb} has no --json`);
  const context = await openContext(config, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    const { encryptionKey } = config;
    const ports: KeyPorts = {
      context,
      keyFile: "file" in encryptionKey ? encryptionKey.file : undefined,
      say: (line) => terminal.err(`${line}\n`),
      sleep,
    };
    return await work(ports, { ids, json: values.json ?? false, terminal });
  } finally {
    await context.store.close();
  }
}

interface Asked {
  ids: readonly string[];
  json: boolean;
  terminal: Terminal;
}

const verbs: Record<string, (ports: KeyPorts, asked: Asked) => Promise<number>> = {
  async status(ports, { json, terminal }) {
    const status = await readKeyStatus(ports);
    terminal.out(json ? `${JSON.stringify(forMachines(status), null, 2)}\n` : forPeople(status));
    const problem = problemOf(status, ports.context.store.keyring.where);
    if (problem !== undefined) terminal.err(problem);
    return problem === undefined ? 0 : 1;
  },

  async add(ports, { terminal }) {
    const { id, made } = await addKey(ports);
    terminal.err(
      `${made ? `Key ${id} was made` : `Key ${id} waits already`}; nothing is sealed with it yet. Copy ${ports.keyFile} to every other server that shares the database (same owner, mode 0600), then run \`key rotate\` on this one.\n`,
    );
    return 0;
  },

  async rotate(ports, { terminal }) {
    const { keyId, rows } = await rotateKey(ports);
    const { where } = ports.context.store.keyring;
    terminal.err(
      `The rotation is complete: ${rows} rows were sealed anew, and everything is sealed with key ${keyId}. Save ${where} with your next backup. On other servers that share the database, replace their key file by it when convenient: they seal with the new key already. \`key prune\` then removes the old key; backups made before now need it.\n`,
    );
    return 0;
  },

  async prune(ports, { ids, terminal }) {
    const removed = await pruneKeys(ports, ids);
    terminal.err(
      removed.length === 0
        ? "No key to remove: none was replaced.\n"
        : `Removed ${removed.join(", ")}. Copy ${ports.keyFile} to the other servers that share the database. Backups made before the rotation need the old key: keep a copy with them. Running servers forget it when they restart.\n`,
    );
    return 0;
  },
};

function forPeople({ keys, unreadable, servers }: KeyStatus): string {
  const rows = (counts: Record<string, number>) => {
    const tables = Object.entries(counts).map(([table, n]) => `${table} ${n}`);
    return tables.length > 0 ? tables.join(", ") : "no rows";
  };
  const lines = keys.map(({ id, role, rows: counts }) => `${id}  ${role.padEnd(8)}  ${rows(counts)}`);
  if (Object.keys(unreadable).length > 0) lines.push(`${"?".padEnd(12)}  missing   ${rows(unreadable)}`);
  for (const { label, currentKey, knownKeys } of servers) {
    lines.push(`server ${label}  seals with ${currentKey}, has ${knownKeys.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

function forMachines({ keys, unreadable, servers }: KeyStatus) {
  return {
    keys,
    unreadable,
    servers: servers.map(({ label, currentKey, knownKeys, seenAt }) => ({
      label,
      current_key: currentKey,
      known_keys: knownKeys,
      seen_at: new Date(seenAt).toISOString(),
    })),
  };
}

function problemOf({ keys, unreadable }: KeyStatus, where: string): string | undefined {
  const missing = keys.filter(({ role }) => role === "missing").map(({ id }) => id);
  if (missing.length > 0) {
    return `key.missing: rows need ${missing.join(", ")}, which ${where} does not have\nCopy the key file from a server that has it, or add its line from a saved copy.\n`;
  }
  if (Object.keys(unreadable).length === 0) return undefined;
  return `key.missing: values of an earlier version open with none of the keys in ${where}\nAdd the key that they were sealed with from a saved copy of the key file.\n`;
}
