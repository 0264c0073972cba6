import { readFileSync } from "node:fs";
import { UsageError } from "./usage-error.ts";

/** The first line's end does not belong to the password. @throws UsageError */
export function readPasswordFile(file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new UsageError(`--password-file cannot be read: ${(error as Error).message}`);
  }
}
