import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../state/atomic-file.ts";
import { pairFingerprint } from "../pair.ts";
import type { Acquired, IssuedPair, Lease, Vault } from "./vault.ts";

/** A lock whose owner shows no sign of life for that long belongs to nobody. */
const STALE_MS = 60_000;
const TOUCH_MS = 15_000;
const BUSY_RETRY_MS = 5_000;

/**
 * Certificates in a folder, one file per name with key and chain. Several proxies may share the folder (also over NFS,
 * where file locks are not reliable): the right to order is a lock file that its owner touches.
 */
export class FolderVault implements Vault {
  readonly #folder: string;
  readonly #staleMs: number;

  constructor(folder: string, { staleMs = STALE_MS }: { staleMs?: number } = {}) {
    this.#folder = folder;
    this.#staleMs = staleMs;
  }

  /** @throws file system errors */
  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
  }

  async acquire(name: string, have: string): Promise<Acquired> {
    const lock = this.#file(name, "lock");
    const mark = `${process.pid} ${randomBytes(8).toString("hex")}`;
    if (!(await createLock(lock, mark))) {
      await this.#dropStale(lock);
      return { kind: "busy", retryInMs: BUSY_RETRY_MS };
    }
    const lease = this.#lease(name, lock, mark);
    // Looked at with the lock in hand: the one before us may just have finished.
    const stored = await this.load(name);
    if (stored !== undefined && pairFingerprint(stored) !== have) {
      await lease.release();
      return { kind: "certificate", pair: stored };
    }
    return { kind: "lease", lease };
  }

  async load(name: string): Promise<IssuedPair | undefined> {
    const text = await readFile(this.#file(name, "pem"), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const split = text.indexOf("-----BEGIN CERTIFICATE-----");
    return split <= 0 ? undefined : { keyPem: text.slice(0, split), certPem: text.slice(split) };
  }

  /** Key and chain in one file: they are replaced together or not at all. */
  async save(name: string, { certPem, keyPem }: IssuedPair): Promise<void> {
    await writeAtomically(this.#file(name, "pem"), `${keyPem.trimEnd()}\n${certPem.trimEnd()}\n`);
  }

  async remove(name: string): Promise<void> {
    await unlink(this.#file(name, "pem")).catch(ignoreMissing);
  }

  async accountKey(directoryUrl: string, make: () => Promise<string>): Promise<string> {
    const id = createHash("sha256").update(directoryUrl).digest("hex").slice(0, 16);
    const file = join(this.#folder, `account-${id}.key`);
    const read = () => readFile(file, "utf8").catch(() => "");
    const there = await read();
    if (there !== "") return there;
    const handle = await open(file, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return undefined;
      throw error;
    });
    if (handle === undefined) {
      // Somebody is writing it at this moment.
      for (let tries = 0; tries < 50; tries++) {
        const text = await read();
        if (text !== "") return text;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`${file} is empty: remove it to register a new account`);
    }
    try {
      const key = await make();
      await handle.writeFile(key);
      await handle.sync();
      return key;
    } finally {
      await handle.close();
    }
  }

  #lease(name: string, lock: string, mark: string): Lease {
    const controller = new AbortController();
    const timer = setInterval(() => {
      void (async () => {
        if ((await readFile(lock, "utf8").catch(() => "")) === mark) {
          const now = new Date();
          await utimes(lock, now, now);
        } else controller.abort();
      })().catch(() => controller.abort());
    }, TOUCH_MS);
    timer.unref();
    const release = async () => {
      clearInterval(timer);
      if ((await readFile(lock, "utf8").catch(() => "")) === mark) await unlink(lock).catch(ignoreMissing);
    };
    return {
      orderName: name,
      dns: undefined,
      lost: controller.signal,
      release,
      save: async (pair) => {
        await this.save(name, pair);
        await release();
      },
    };
  }

  async #dropStale(lock: string): Promise<void> {
    const info = await stat(lock).catch(() => undefined);
    if (info === undefined || Date.now() - info.mtimeMs < this.#staleMs) return;
    // Renamed first: of several that notice, one removes it, and never the lock that comes after it.
    const grave = `${lock}.${randomBytes(4).toString("hex")}`;
    await rename(lock, grave).then(
      () => unlink(grave),
      () => {},
    );
  }

  /** Names come from outside; they must not choose a path. */
  #file(name: string, kind: "pem" | "lock"): string {
    const safe = name.replace(/[^a-z0-9._-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
    return join(this.#folder, `${safe.replace(/^\./, "%2e")}.${kind}`);
  }
}

async function createLock(file: string, mark: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx", 0o600);
    await handle.writeFile(mark).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
