import { AppError } from "@netbird-proxy/proto";

const unreadable = new Set([
  "SQLITE_NOTADB",
  "SQLITE_CORRUPT",
  "SQLITE_CANTOPEN",
  "SQLITE_PERM",
  "SQLITE_READONLY",
]);

/** The driver's code (`SQLITE_FULL`, `SQLITE_CORRUPT_INDEX`, `23505`), or an empty string. */
export function driverCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** True when a unique index refused the row. `index` names a column or index that must be part of the message. */
export function isUniqueViolation(error: unknown, index = ""): boolean {
  const code = driverCode(error);
  if (code !== "SQLITE_CONSTRAINT_UNIQUE" && code !== "SQLITE_CONSTRAINT_PRIMARYKEY" && code !== "23505")
    return false;
  return error instanceof Error && error.message.includes(index);
}

const unreachable = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

/**
 * True when PostgreSQL does not answer, or not yet: nobody listens, the connection was lost, it starts up or shuts down
 * (57P..), or it has no connection left (53300).
 */
export function isUnreachable(error: unknown): boolean {
  const code = driverCode(error);
  if (unreachable.has(code) || code.startsWith("57P") || code.startsWith("08") || code === "53300")
    return true;
  return (
    error instanceof Error &&
    /Connection terminated|timeout expired|Timeout acquiring a connection|not queryable/.test(error.message)
  );
}

/**
 * Turns the driver's "disk full" and "not a readable database" into errors of the catalogue; everything else comes back
 * as it was.
 */
export function translateDriverError(error: unknown, where = "the database"): unknown {
  if (error instanceof AppError) return error;
  const code = driverCode(error);
  // 53100 is PostgreSQL's disk_full. A full disk shows as an I/O error when it hits the write-ahead log's shared memory.
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "53100" || code === "SQLITE_IOERR_SHMSIZE") {
    return new AppError("storage.full", `no space left to write ${where}; nothing was changed`, {
      cause: error,
    });
  }
  if (isUnreachable(error)) {
    return new AppError(
      "storage.unreachable",
      `${where} does not answer: ${(error as Error).message || code}`,
      {
        cause: error,
      },
    );
  }
  const family = code.split("_").slice(0, 2).join("_");
  if (unreadable.has(family) || (family === "SQLITE_IOERR" && code !== "SQLITE_IOERR_WRITE")) {
    return new AppError(
      "storage.unreadable",
      `${where} cannot be read or written: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  if (code === "SQLITE_IOERR_WRITE") {
    return new AppError("storage.full", `${where} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return error;
}
