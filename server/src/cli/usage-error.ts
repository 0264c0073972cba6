import { type ParseArgsConfig, parseArgs } from "node:util";

/** The command line was written wrongly. */
export class UsageError extends Error {}

/** node's parseArgs, strict, failing with {@link UsageError}. */
export function parseOptions<T extends NonNullable<ParseArgsConfig["options"]>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
