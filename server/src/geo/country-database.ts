import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { AppError } from "@netbird-proxy/proto";
import { type CountryResponse, Reader } from "maxmind";
import type { Logger } from "pino";

/** Public domain (CC0), whole countries only; renewed with the dependency. */
const EMBEDDED = "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
const POLL_MS = 30_000;

/** What the two kinds of country databases hold: the embedded one has the code alone. */
type Entry = CountryResponse & { country_code?: string };

export interface CountryDatabase {
  /** Two letters (ISO 3166-1), or empty when the address is not known, private or none. */
  countryOf(address: string): string;
  close(): void;
}

/**
 * @param file a database in MaxMind's format; undefined takes the embedded one. It is read again when it was replaced.
 * @throws AppError `geo.database_unusable` naming the file
 */
export async function openCountryDatabase(
  file: string | undefined,
  log: Pick<Logger, "error" | "info">,
  { pollMs = POLL_MS } = {},
): Promise<CountryDatabase> {
  const path = file ?? createRequire(import.meta.url).resolve(EMBEDDED);
  let reader = await read(path);
  const reload = () => {
    read(path).then(
      (fresh) => {
        reader = fresh;
        log.info({ file: path }, "country database replaced");
      },
      (error) =>
        log.error({ err: error, file: path }, "the new country database cannot be used; the old one stays"),
    );
  };
  if (file !== undefined) watchFile(file, { interval: pollMs, persistent: false }, reload);
  return {
    countryOf(address) {
      try {
        const entry = reader.get(address);
        return entry?.country_code ?? entry?.country?.iso_code ?? "";
      } catch {
        // Not an address: what a stock proxy reports is not checked.
        return "";
      }
    },
    close: () => {
      if (file !== undefined) unwatchFile(file, reload);
    },
  };
}

async function read(path: string): Promise<Reader<Entry>> {
  try {
    const reader = new Reader<Entry>(await readFile(path));
    // A file that was cut off shows when it is looked into.
    reader.get("192.0.2.1");
    return reader;
  } catch (error) {
    throw new AppError(
      "geo.database_unusable",
      `${path} is no country database: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
