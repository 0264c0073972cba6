import { readFile, stat } from "node:fs/promises";
import { type CountryResponse, Reader } from "maxmind";

/** What the two kinds of country databases hold: the embedded one has the code alone. */
type Entry = CountryResponse & { country_code?: string };

/** No country database can be read from this file. */
export class CountryDatabaseError extends Error {
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(`${file} is no country database: ${(cause as Error).message}`, { cause });
    this.name = "CountryDatabaseError";
    this.file = file;
  }
}

/** A database in MaxMind's format, whole in memory. */
export interface CountryFile {
  readonly path: string;
  /** Another one when the file was replaced or written to. */
  readonly mark: string;
  readonly countryOf: (address: string) => string;
}

/** @returns undefined when there is no such file */
export async function markOf(path: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${path} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** @throws {CountryDatabaseError} */
export async function readCountryFile(path: string, mark: string): Promise<CountryFile> {
  try {
    const reader = new Reader<Entry>(await readFile(path));
    // A file that was cut off shows when it is looked into.
    reader.get("192.0.2.1");
    return { path, mark, countryOf: (address) => countryIn(reader, address) };
  } catch (error) {
    throw new CountryDatabaseError(path, error);
  }
}

function countryIn(reader: Reader<Entry>, address: string): string {
  try {
    const entry = reader.get(address);
    return entry?.country_code ?? entry?.country?.iso_code ?? "";
  } catch {
    // Not an address: what a stock proxy reports is not checked.
    return "";
  }
}
