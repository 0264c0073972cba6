import { type Agent, startAgent } from "../app.ts";
import { type AgentConfig, ConfigError } from "../config.ts";
import { RefusedError } from "../control/control.ts";
import { createLog } from "../log.ts";
import { StateError } from "../state/state-error.ts";

/** A stop that hangs on something must not keep a service manager waiting. */
const STOP_LIMIT_MS = 2_000;

/**
 * Runs the agent in the foreground until a signal.
 *
 * @returns the exit code; does not return when it has to end the process itself
 */
export async function runUp(config: AgentConfig): Promise<number> {
  const { log, flush } = createLog(config.logLevel, process.stdout.isTTY === true);
  const exit = (code: number): never => {
    flush();
    process.exit(code);
  };
  process.on("uncaughtException", (error) => {
    log.fatal({ error: error.stack ?? String(error) }, "unexpected failure");
    exit(1);
  });

  let agent: Agent | undefined;
  let signalled = false;
  const onSignal = () => {
    // The second signal means now.
    if (signalled) exit(0);
    signalled = true;
    log.info("stopping");
    setTimeout(() => exit(0), STOP_LIMIT_MS).unref();
    if (agent === undefined) exit(0);
    else void agent.stop();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);

  try {
    agent = await startAgent(config, { log });
    await agent.finished;
    log.info("stopped");
    return exit(0);
  } catch (error) {
    const known =
      error instanceof StateError || error instanceof RefusedError || error instanceof ConfigError;
    if (!known) throw error;
    process.stderr.write(`agent: ${error.message}\n`);
    return exit(error instanceof RefusedError ? 2 : 1);
  }
}
