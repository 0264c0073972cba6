import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type CountryDatabaseError, type CountryFile, markOf, readCountryFile } from "./country-file.ts";

export { CountryDatabaseError } from "./country-file.ts";

/** Public domain (CC0), whole countries only; renewed with the dependency. */
const EMBEDDED = "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
const POLL_MS = 30_000;

/** Where the database is: one file that must be usable, or a folder whose last `*.mmdb` by name is taken; else embedded. */
export interface CountryDatabasePlace {
  readonly file?: string | undefined;
  readonly folder?: string | undefined;
}

export interface CountryDatabaseEvents {
  onReplaced(file: string): void;
  /** Told once for each state of the file. What was there before goes on being used. */
  onUnusable(error: CountryDatabaseError): void;
}

export interface CountryDatabase {
  /** The file in use now. */
  readonly file: string;
  /** Two letters (ISO 3166-1), or empty when the address is not known, private or none. */
  countryOf(address: string): string;
  /** Looks for a replacement now instead of at the next poll. */
  refresh(): Promise<void>;
  close(): void;
}

/**
 * Opens the database and keeps looking whether it was replaced.
 *
 * @throws {CountryDatabaseError} when `file` cannot be used; a folder without a usable file gives the embedded one
 */
export async function openCountryDatabase(
  { file, folder }: CountryDatabasePlace,
  events: CountryDatabaseEvents,
  { pollMs = POLL_MS } = {},
): Promise<CountryDatabase> {
  const embedded = createRequire(import.meta.url).resolve(EMBEDDED);
  const candidates = async () => {
    if (file !== undefined) return [file];
    return folder === undefined ? [embedded] : [...(await databasesIn(folder)), embedded];
  };
  const told = new Set<string>();
  let current: CountryFile | undefined;
  /** The best candidate, unless it is the current one; before there is one, also the next best. */
  const refresh = async (): Promise<void> => {
    for (const path of await candidates()) {
      // Before the content: a file that changes in between has another mark at the next poll.
      const mark = (await markOf(path)) ?? `${path} missing`;
      if (mark === current?.mark) return;
      try {
        if (!told.has(mark)) {
          const replaced = current !== undefined;
          current = await readCountryFile(path, mark);
          if (replaced) events.onReplaced(path);
          return;
        }
      } catch (error) {
        if (path === file && current === undefined) throw error;
        told.add(mark);
        events.onUnusable(error as CountryDatabaseError);
      }
      if (current !== undefined) return;
    }
  };
  await refresh();
  // The embedded file came with the program: it cannot be missing unless the installation is broken.
  current ??= await readCountryFile(embedded, "");
  let looking = Promise.resolve();
  const timer =
    file === undefined && folder === undefined
      ? undefined
      : setInterval(() => {
          looking = looking.then(refresh, refresh);
        }, pollMs);
  timer?.unref();
  return {
    get file() {
      return current!.path;
    },
    countryOf: (address) => current!.countryOf(address),
    refresh: () => {
      looking = looking.then(refresh, refresh);
      return looking;
    },
    close: () => clearInterval(timer),
  };
}

/** Newest name first: downloads carry their date in it. @returns nothing when the folder is not there */
async function databasesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith(".mmdb"))
      .sort()
      .reverse()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
