import { randomUUID } from "node:crypto";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { AccountId, ProxyId } from "@netbird-proxy/proto";
import { generatePrivateKey, type Key, keyFromBase64, keyToBase64 } from "@netbird-proxy/tunnel";
import { ConfigError } from "../config.ts";

/** What makes this proxy the same one after a restart: its id and one key pair per account. */
export class Identity {
  readonly proxyId: ProxyId;
  readonly #keyDirectory: string;
  readonly #keys = new Map<AccountId, Key>();

  /** @throws {ConfigError} when the folder cannot be used */
  constructor(stateDirectory: string) {
    this.#keyDirectory = join(stateDirectory, "accounts");
    try {
      mkdirSync(this.#keyDirectory, { recursive: true, mode: 0o700 });
      accessSync(stateDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
      chmodSync(this.#keyDirectory, 0o700);
      this.proxyId = readOrCreate(
        join(stateDirectory, "proxy-id"),
        () => `netbird-proxy-${randomUUID()}`,
      ) as ProxyId;
    } catch (error) {
      throw new ConfigError([
        `NB_PROXY_STATE_DIR ${stateDirectory} cannot be used (${(error as Error).message}): give the proxy a folder it may write to`,
      ]);
    }
    if (!/^[\w.-]{1,200}$/.test(this.proxyId)) {
      throw new ConfigError([
        `NB_PROXY_STATE_DIR: ${join(stateDirectory, "proxy-id")} does not hold a proxy id: remove the file to get a new one`,
      ]);
    }
  }

  /** The WireGuard private key of this proxy in an account; made at the first call. @throws file system errors */
  privateKey(accountId: AccountId): Key {
    let key = this.#keys.get(accountId);
    if (key === undefined) {
      // Account ids come from outside; they must not choose a path.
      const name = `${Buffer.from(accountId).toString("base64url")}.key`;
      const file = join(this.#keyDirectory, name);
      key = keyFromBase64(readOrCreate(file, () => keyToBase64(generatePrivateKey())));
      // Not replaced by a new one: every peer of the account knows the old one's public key.
      if (key === undefined) throw new Error(`${file} does not hold a WireGuard key`);
      this.#keys.set(accountId, key);
    }
    return key;
  }
}

/** Written completely before it gets its name, so that a crash leaves either no key or a whole one. */
function readOrCreate(file: string, make: () => string): string {
  try {
    const text = readFileSync(file, "utf8").trim();
    if (text !== "") return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const text = make();
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, "w", 0o600);
  try {
    writeSync(descriptor, `${text}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  return text;
}
