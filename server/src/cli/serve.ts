import { setFlagsFromString } from "node:v8";
import { AppError } from "@netbird-proxy/proto";
import { startApp } from "../app.ts";
import type { ServerConfig } from "../config.ts";
import { createLog } from "../log.ts";
import type { Terminal } from "./run.ts";
import { parseOptions } from "./usage-error.ts";

// Longer than calls and requests get to finish; whatever still hangs then must not keep the process.
const FORCED_EXIT_MS = 10_000;

/**
 * How much garbage may lie around, in percent of what is alive; V8 itself lets it grow to several times that. With 10,000
 * services it saves a third of the peak and costs nothing that can be measured. No limit: nothing runs out of memory by it.
 */
const HEAP_GROWING_PERCENT = 25;

/** Runs until SIGTERM or SIGINT; a second signal does not wait for anything. */
export async function serve(args: string[], config: ServerConfig, _terminal: Terminal): Promise<number> {
  parseOptions(args, {});
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const log = createLog(config.logLevel);
  const stop = new Promise<NodeJS.Signals>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  try {
    const app = await startApp(config, log);
    log.info({ ...app.address, tls: config.tls !== undefined, version: config.version }, "listening");
    const signal = await stop;
    log.info({ signal }, "stopping");
    setTimeout(() => process.exit(1), FORCED_EXIT_MS).unref();
    for (const again of ["SIGTERM", "SIGINT"] as const) {
      process.removeAllListeners(again);
      process.once(again, () => process.exit(1));
    }
    await app.close();
    log.info("stopped");
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.fatal({ code: error.code, hint: error.hint }, error.message);
    return 1;
  }
}
