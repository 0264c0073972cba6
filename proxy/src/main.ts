import { type App, startApp } from "./app.ts";
import { ConfigError, readConfig, version } from "./config.ts";
import { createLogger } from "./observe/log.ts";

/** The exit code for a configuration that cannot work: restarting changes nothing. */
const EXIT_CONFIGURATION = 78;

async function main(): Promise<void> {
  if (process.argv.includes("--version")) {
    console.log(version);
    return;
  }
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "unexpected failure");
    process.exit(1);
  });
  // A promise nobody waited for is a bug, but no reason to drop every visitor.
  process.on("unhandledRejection", (err) => log.error({ err }, "unexpected failure in the background"));
  const app = await startApp(config, log);
  log.info({ version, ...app.listening }, "listening");
  stopOnSignal(app, log);
}

function stopOnSignal(app: App, log: ReturnType<typeof createLogger>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "shutting down");
    app.stop().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, "shutdown failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    console.error(error.message);
    process.exit(EXIT_CONFIGURATION);
  }
  console.error(error);
  process.exit(1);
});
