import { type CountryDatabase, CountryDatabaseError, openCountryDatabase } from "@netbird-proxy/geo";
import { AppError } from "@netbird-proxy/proto";
import type { Logger } from "pino";

/**
 * The country database of the access log.
 *
 * @param file a database in MaxMind's format; undefined takes the embedded one. It is read again when it was replaced.
 * @throws AppError `geo.database_unusable` naming the file
 */
export async function openCountries(
  file: string | undefined,
  log: Pick<Logger, "error" | "info">,
): Promise<CountryDatabase> {
  try {
    return await openCountryDatabase(
      { file },
      {
        onReplaced: (path) => log.info({ file: path }, "country database replaced"),
        onUnusable: (err) =>
          log.error({ err, file: err.file }, "the new country database cannot be used; the old one stays"),
      },
    );
  } catch (error) {
    if (!(error instanceof CountryDatabaseError)) throw error;
    throw new AppError("geo.database_unusable", error.message, { cause: error });
  }
}
