import { createHash } from "node:crypto";

/** A key of what is encrypted at rest. */
export interface SealingKey {
  /** 12 hex digits. Not secret: it is stored with every sealed value, and names the key to people. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** The keys that open sealed values, one of which seals new ones. */
export interface Keyring {
  /** Where the keys come from, for messages: a path, or a variable. */
  readonly where: string;
  /** What new values are sealed with: the first key that has not been replaced by a rotation. */
  current(): SealingKey;
  /** What the place holds now, in its order, at least one. */
  keys(): readonly SealingKey[];
  /** Everything that may open a value: the same, and what the place held before while this process has been running. */
  known(): readonly SealingKey[];
  /** Looks again when the key is not known: another process may have added it. */
  find(id: string): SealingKey | undefined;
  /**
   * Keys that a rotation has replaced, as the database knows them. A server whose file still has one of them first must
   * not seal with it: others may have removed it already.
   */
  replaced(ids: readonly string[]): void;
  /** Looks again if the place has changed. @throws AppError `storage.unreadable`; the keys stay what they were */
  refresh(): void;
}

export const KEY_BYTES = 32;

export function sealingKey(bytes: Uint8Array): SealingKey {
  if (bytes.byteLength !== KEY_BYTES) throw new Error(`an encryption key must have ${KEY_BYTES} bytes`);
  const id = createHash("sha256")
    .update("netbird-server encryption key")
    .update(bytes)
    .digest("hex")
    .slice(0, 12);
  return { id, bytes };
}

/** Keys that do not change while the process runs. */
export function fixedKeyring(keys: readonly SealingKey[], where: string): Keyring {
  return createKeyring(keys, where, () => undefined);
}

/**
 * @param load gives the keys when they may be other ones than before; `force`: even if nothing looks changed
 */
export function createKeyring(
  first: readonly SealingKey[],
  where: string,
  load: (force: boolean) => readonly SealingKey[] | undefined,
): Keyring {
  let keys = first;
  let replacedIds: ReadonlySet<string> = new Set();
  // A key that was removed stays until the process ends: a value that was read before its row was sealed anew still opens.
  const known = new Map(first.map((key) => [key.id, key]));
  const look = (force: boolean) => {
    const loaded = load(force);
    if (!loaded) return;
    keys = loaded;
    for (const key of loaded) known.set(key.id, key);
  };
  const lookQuietly = (force: boolean) => {
    try {
      look(force);
    } catch {
      // Whoever calls `refresh` hears of it; a value can be sealed with the keys that we have.
    }
  };
  return {
    where,
    current() {
      lookQuietly(false);
      return keys.find(({ id }) => !replacedIds.has(id)) ?? keys[0]!;
    },
    keys: () => keys,
    known: () => [...known.values()],
    find(id) {
      if (!known.has(id)) lookQuietly(true);
      return known.get(id);
    },
    replaced(ids) {
      replacedIds = new Set(ids);
    },
    refresh: () => look(false),
  };
}
