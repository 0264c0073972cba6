import { writeSync } from "node:fs";
import { readEnvironment } from "./config.ts";
import { makeLog } from "./log.ts";
import { netbirdProvider, providerAddress } from "./netbird-provider.ts";
import type { Listener } from "./plugin/listener.ts";
import type { Runtime } from "./plugin/runtime.ts";
import { refusal, startForDebugging, startPlugin } from "./plugin/start.ts";

/** How often to look whether Terraform is still there. */
const ORPHAN_CHECK_MS = 5_000;
/** Time for the answer to Shutdown to leave the process. */
const LAST_ANSWER_MS = 5;
/** Time to take back what Terraform opened and did not close. */
const LONGEST_CLOSING_MS = 1_800;

const environment = readEnvironment(process.env);
const log = makeLog(environment.logLevel, (line) => process.stderr.write(line));
const provider = netbirdProvider(environment);
let listener: Listener | undefined;

function exit(code: number): never {
  listener?.close();
  process.exit(code);
}

// Terraform shows plain lines after "panic: " as the provider's stack trace.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    writeSync(2, `panic: ${stack}\n`);
    exit(2);
  });
}

async function serve(): Promise<void> {
  const why = refusal(environment);
  if (why !== undefined) {
    process.stderr.write(`${why}\n`);
    process.exit(1);
  }
  // Ctrl-C reaches the whole process group. Terraform tells us what to do; dying now would lose objects.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => exit(0));
  const started: Awaited<ReturnType<typeof startPlugin>> = await startPlugin(provider, {
    environment,
    log,
    print: (text) => writeSync(1, text),
    shutdown: () => setTimeout(() => void endOf(started.runtime), LAST_ANSWER_MS),
  });
  listener = started.listener;
  exitWhenOrphaned(started.runtime);
}

/** Terraform kills a process that is still there two seconds after it was asked to end. */
async function endOf(runtime: Runtime): Promise<never> {
  if (runtime.hasLeftovers)
    await Promise.race([
      runtime.closeLeftovers(),
      new Promise((resolve) => setTimeout(resolve, LONGEST_CLOSING_MS)),
    ]);
  exit(0);
}

/** A Terraform that was killed tells nobody; without this the process would stay for ever. */
function exitWhenOrphaned(runtime: Runtime): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent && !runtime.busy) exit(0);
  }, ORPHAN_CHECK_MS).unref();
}

async function debug(): Promise<void> {
  const debugging = await startForDebugging(provider, providerAddress, environment, log);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      debugging.close();
      process.exit(0);
    });
  }
  process.stdout.write(
    `Give this to Terraform, in another terminal:\n\n  export TF_REATTACH_PROVIDERS='${debugging.reattach}'\n`,
  );
}

void (process.argv.some((argument) => argument === "--debug" || argument === "-debug") ? debug() : serve());
