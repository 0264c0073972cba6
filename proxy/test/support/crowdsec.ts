import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../scripts/stack/free-port.ts";

/** Debian's crowdsec with nothing but its local API: own configuration and data, loopback, no central service, no hub. */
export class Crowdsec {
  readonly #folder = mkdtempSync(join(tmpdir(), "crowdsec-"));
  #process: ChildProcess | undefined;
  #log = "";
  url = "";

  async start(): Promise<this> {
    if (this.url === "") await this.#configure();
    const child = spawn("crowdsec", ["-c", this.#config, "-no-cs"], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const died = once(child, "exit").then(() => {
      throw new Error(`crowdsec ended:\n${this.#log}`);
    });
    died.catch(() => {});
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (text: Buffer) => {
        this.#log += text.toString();
      });
    }
    for (;;) {
      const up = await Promise.race([fetch(`${this.url}/v1/decisions/stream`).catch(() => undefined), died]);
      if (up !== undefined) return this;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), died]);
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** `cscli` with this configuration. @returns what it says */
  cscli(...args: string[]): string {
    return execFileSync("cscli", ["-c", this.#config, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
  }

  get #config(): string {
    return join(this.#folder, "config.yaml");
  }

  async #configure(): Promise<void> {
    const folder = this.#folder;
    this.url = `http://127.0.0.1:${await freePort("tcp")}`;
    for (const name of ["data", "hub", "notifications", "plugins"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "simulation.yaml"), "simulation: false\n");
    writeFileSync(join(folder, "hub/.index.json"), "{}\n");
    writeFileSync(join(folder, "credentials.yaml"), "");
    copyFileSync("/etc/crowdsec/profiles.yaml", join(folder, "profiles.yaml"));
    writeFileSync(
      this.#config,
      `common: { daemonize: false, log_media: stdout, log_level: info, log_dir: ${folder}, working_dir: ${folder} }
config_paths:
  config_dir: ${folder}
  data_dir: ${folder}/data
  simulation_path: ${folder}/simulation.yaml
  hub_dir: ${folder}/hub
  index_path: ${folder}/hub/.index.json
  notification_dir: ${folder}/notifications
  plugin_dir: ${folder}/plugins
db_config: { type: sqlite, db_path: ${folder}/data/crowdsec.db, use_wal: true }
api:
  client: { credentials_path: ${folder}/credentials.yaml }
  server:
    listen_uri: ${this.url.slice("http://".length)}
    profiles_path: ${folder}/profiles.yaml
    console_path: ${folder}/console.yaml
prometheus: { enabled: false }
`,
    );
    this.cscli(
      "machines",
      "add",
      "test",
      "--auto",
      "--force",
      "-f",
      join(folder, "credentials.yaml"),
      "-u",
      this.url,
    );
  }
}
