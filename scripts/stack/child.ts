import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

export interface ChildOptions {
  name: string;
  args: string[];
  env: Record<string, string>;
  /** stdout and stderr are appended here. */
  logFile: string;
  cwd?: string;
}

/** A program of ours that runs beside us, its output in a file. */
export class Child {
  readonly name: string;
  readonly logFile: string;
  readonly #process: ChildProcess;
  #exit: string | undefined;
  readonly exited: Promise<void>;

  constructor({ name, args, env, logFile, cwd }: ChildOptions) {
    this.name = name;
    this.logFile = logFile;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, "a");
    this.#process = spawn(process.execPath, args, {
      stdio: ["ignore", log, log],
      env: { ...inheritedEnvironment(), ...env },
      cwd,
      // A Ctrl-C in the terminal goes to us alone; we stop children in order.
      detached: true,
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#process.once("error", (error) => {
        this.#exit = error.message;
        resolve();
      });
      this.#process.once("exit", (code, signal) => {
        this.#exit = signal ?? `exit code ${code}`;
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Undefined while it runs, and when a signal ended it. */
  get exitCode(): number | undefined {
    return this.#process.exitCode ?? undefined;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** SIGKILL, as a crash or the OOM killer would do it. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited;
  }

  /** SIGTERM, and SIGKILL for what is still there after `graceMs`. */
  async stop(graceMs = 5000): Promise<void> {
    if (!this.running) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** The end of the log, for an error message. */
  lastLines(count = 15): string {
    return readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  }

  /** Fails with the end of the log when the program is gone. */
  assertRunning(): void {
    if (this.running) return;
    throw new Error(`${this.name} stopped (${this.#exit}). The end of ${this.logFile}:\n${this.lastLines()}`);
  }
}

/** What programs need from our environment; their own settings are passed explicitly and never leak in. */
function inheritedEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("NB_") && !name.startsWith("TF_")) kept[name] = value;
  }
  return kept;
}

/**
 * Asks again every `everyMs` until `attempt` gives something other than undefined.
 * @throws Error that says what was waited for, with the last failure
 */
export async function waitFor<T>(
  what: string,
  attempt: () => Promise<T | undefined> | T | undefined,
  { timeoutMs = 15_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const result = await attempt();
      if (result !== undefined) return result;
    } catch (error) {
      last = error;
      if (error instanceof GaveUp) throw error;
    }
    if (Date.now() > deadline) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`gave up waiting for ${what} after ${timeoutMs / 1000} s${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Thrown inside an attempt of {@link waitFor} when waiting on has no point. */
export class GaveUp extends Error {}
