import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = join(fileURLToPath(new URL(".", import.meta.url)), "..", "..", "src", "main.ts");

/** The agent as a process of its own, started from its sources. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>;
  stdout = "";
  stderr = "";

  constructor(args: string[], env: Record<string, string> = {}, options: { uid?: number } = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("NB_"));
    this.#child = spawn(process.execPath, ["--import", "tsx", main, ...args], {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
    });
    this.#exited = once(this.#child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    this.#child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
    });
  }

  /** JSON log lines with this message. */
  lines(message: string): Record<string, unknown>[] {
    return this.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @returns the exit code, or the name of the signal that ended it */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.#exited;
    return code ?? signal ?? "unknown";
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    if (this.running) this.#child.kill(signal);
    return await this.exit();
  }
}
