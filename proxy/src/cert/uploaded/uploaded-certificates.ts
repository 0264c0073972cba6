import type { certificates } from "@netbird-proxy/proto/grpc";
import type { Logger } from "../../observe/log.ts";
import { makePair, type Pair } from "../pair.ts";
import type { UploadedFolder, UploadedPair } from "./uploaded-folder.ts";

export interface UploadedCertificatesParts {
  readonly folder: UploadedFolder;
  /** Whose service has the name; undefined: nobody's. */
  readonly accountOf: (name: string) => string | undefined;
  readonly log: Logger;
  /** Another set of certificates is in use. */
  readonly onChange: () => void;
}

interface Held {
  readonly accountId: string;
  readonly version: string;
  readonly pair: Pair;
}

/**
 * Certificates that users uploaded to the server. One serves the names of its own account only: somebody with a
 * certificate for the cluster's wildcard must not get into the connections of others.
 */
export class UploadedCertificates {
  readonly #parts: UploadedCertificatesParts;
  #held = new Map<string, Held>();
  /** By account and name; a wildcard is a name here. */
  #byName = new Map<string, Pair[]>();
  #work: Promise<void> = Promise.resolve();

  constructor(parts: UploadedCertificatesParts) {
    this.#parts = parts;
  }

  /** Puts what is on disk into service. @throws file system errors */
  async start(): Promise<void> {
    for (const stored of await this.#parts.folder.load()) this.#hold(stored);
    this.#index();
  }

  /** What the server need not send again. */
  get have(): certificates.HeldCertificate[] {
    return [...this.#held].map(([id, { version }]) => ({ id, version }));
  }

  /** One message of the server, after those before it. Never rejects. */
  apply(changes: certificates.UploadedChanges): Promise<void> {
    // Memory first, at once: what was deleted serves nobody from now on, whatever the disk does.
    const { log, folder, onChange } = this.#parts;
    for (const id of changes.removed) this.#held.delete(id);
    const usable: UploadedPair[] = [];
    for (const { id, accountId, version, certificateChain, privateKey } of changes.changed) {
      const sent: UploadedPair = { id, accountId, version, certPem: certificateChain, keyPem: privateKey };
      if (this.#hold(sent)) usable.push(sent);
    }
    this.#index();
    if (changes.removed.length > 0 || usable.length > 0) {
      log.info({ count: this.#held.size }, "uploaded certificates changed");
      onChange();
    }
    this.#work = this.#work.then(async () => {
      for (const id of changes.removed) {
        await folder.remove(id).catch((error: Error) => {
          log.error({ reason: error.message }, "uploaded certificate could not be removed from disk");
        });
      }
      for (const sent of usable) {
        await folder.save(sent).catch((error: Error) => {
          log.error({ reason: error.message }, "uploaded certificate could not be written to disk");
        });
      }
    });
    return this.#work;
  }

  /** The certificate for a name that is good at `nowMs`: the exact name before a wildcard, then the longest-lived. */
  pairFor(name: string, nowMs: number): Pair | undefined {
    return this.#candidates(name).find(
      ({ notBeforeMs, notAfterMs }) => notBeforeMs <= nowMs && nowMs < notAfterMs,
    );
  }

  /** One for the name that is not good (any more), to say so. */
  unusablePairFor(name: string): Pair | undefined {
    return this.#candidates(name)[0];
  }

  /** When the next certificate expires or starts. */
  nextChangeMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const { pair } of this.#held.values()) {
      for (const atMs of [pair.notBeforeMs, pair.notAfterMs]) {
        if (atMs > nowMs && (next === undefined || atMs < next)) next = atMs;
      }
    }
    return next;
  }

  #candidates(name: string): Pair[] {
    if (this.#held.size === 0) return [];
    const account = this.#parts.accountOf(name);
    if (account === undefined) return [];
    const dot = name.indexOf(".");
    return [
      ...(this.#byName.get(`${account} ${name}`) ?? []),
      ...(dot > 0 ? (this.#byName.get(`${account} *${name.slice(dot)}`) ?? []) : []),
    ];
  }

  #hold({ id, accountId, version, certPem, keyPem }: UploadedPair): boolean {
    try {
      this.#held.set(id, {
        accountId,
        version,
        pair: makePair(certPem, keyPem, `uploaded certificate ${id}`),
      });
      return true;
    } catch (error) {
      this.#parts.log.error({ reason: (error as Error).message }, "uploaded certificate is not usable");
      return false;
    }
  }

  #index(): void {
    const byName = new Map<string, Pair[]>();
    for (const { accountId, pair } of this.#held.values()) {
      for (const name of pair.names) {
        const key = `${accountId} ${name}`;
        byName.set(key, [...(byName.get(key) ?? []), pair]);
      }
    }
    for (const pairs of byName.values()) pairs.sort((a, b) => b.notAfterMs - a.notAfterMs);
    this.#byName = byName;
  }
}
