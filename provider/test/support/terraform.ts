import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DebugProvider,
  makeLog,
  netbirdProvider,
  providerAddress,
  readEnvironment,
  startForDebugging,
} from "../../src/index.ts";
import { installArtefact } from "./artefact.ts";
import { type Json, ManagementServer, type ManagementServerOptions, TOKEN } from "./management-server.ts";

export interface CommandResult {
  readonly code: number;
  /** stdout and stderr together. */
  readonly output: string;
}

export interface RunningCommand {
  readonly finished: Promise<CommandResult>;
  interrupt(): void;
}

/** One working folder of the real terraform, a provider inside this process, and a management server in memory. */
export class TerraformWorkspace {
  readonly server: ManagementServer;
  readonly folder: string;
  readonly #provider: DebugProvider;
  readonly logLines: string[];
  /** How terraform finds the provider. */
  readonly #env: Record<string, string>;

  private constructor(
    server: ManagementServer,
    folder: string,
    provider: DebugProvider,
    logLines: string[],
    env: Record<string, string> = { TF_REATTACH_PROVIDERS: provider.reattach },
  ) {
    this.#env = env;
    this.server = server;
    this.folder = folder;
    this.#provider = provider;
    this.logLines = logLines;
  }

  static async create(options: ManagementServerOptions = {}): Promise<TerraformWorkspace> {
    const server = new ManagementServer(options);
    return TerraformWorkspace.#open(server, await server.start(), TOKEN);
  }

  static async #open(server: ManagementServer, url: string, token: string): Promise<TerraformWorkspace> {
    const folder = mkdtempSync(join(tmpdir(), "netbird-provider-test-"));
    const logLines: string[] = [];
    const environment = readEnvironment({
      NB_MANAGEMENT_URL: url,
      NB_PAT: token,
      PLUGIN_UNIX_SOCKET_DIR: folder,
    });
    const provider = await startForDebugging(
      netbirdProvider(environment),
      providerAddress,
      environment,
      makeLog("info", (line) => logLines.push(line)),
    );
    return new TerraformWorkspace(server, folder, provider, logLines);
  }

  /** The same against a server that runs already; the one in memory then stays unused. */
  static async against(url: string, token: string): Promise<TerraformWorkspace> {
    return TerraformWorkspace.#open(new ManagementServer(), url, token);
  }

  /** The same with the built provider, installed from a filesystem mirror. */
  static async shipped(url: string, token: string): Promise<TerraformWorkspace> {
    const open = await TerraformWorkspace.against(url, token);
    const { server, folder, logLines } = open;
    const mirror = join(folder, "mirror");
    const machine = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;
    installArtefact(join(mirror, ...providerAddress.split("/"), "0.1.0", machine));
    const configuration = join(folder, "mirror.tfrc");
    writeFileSync(
      configuration,
      `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`,
    );
    const env = { TF_CLI_CONFIG_FILE: configuration, NB_MANAGEMENT_URL: url, NB_PAT: token };
    const workspace = new TerraformWorkspace(server, folder, open.#provider, logLines, env);
    workspace.configure("");
    const { code, output } = await workspace.run("init", "-input=false", "-no-color");
    assert.equal(code, 0, output);
    return workspace;
  }

  async close(): Promise<void> {
    this.#provider.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Replaces main.tf; the terraform block is added. */
  configure(hcl: string): void {
    const requirement = `terraform {\n  required_providers {\n    netbird = { source = "netbirdio/netbird" }\n  }\n}\n`;
    writeFileSync(join(this.folder, "main.tf"), `${requirement}${hcl}\n`);
  }

  start(...args: string[]): RunningCommand {
    return startTerraform(this.folder, args, this.#env);
  }

  run(...args: string[]): Promise<CommandResult> {
    return this.start(...args).finished;
  }

  /** Applies the configuration and fails the test when that fails. */
  async apply(hcl?: string): Promise<string> {
    if (hcl !== undefined) this.configure(hcl);
    const { code, output } = await this.run("apply", "-auto-approve", "-input=false", "-no-color");
    assert.equal(code, 0, output);
    return output;
  }

  /** Applies the configuration, which must fail, and returns what was printed. */
  async applyFails(hcl?: string): Promise<string> {
    if (hcl !== undefined) this.configure(hcl);
    const { code, output } = await this.run("apply", "-auto-approve", "-input=false", "-no-color");
    assert.equal(code, 1, output);
    return output;
  }

  /** The printed plan, and whether it would change anything. */
  async plan(hcl?: string): Promise<{ empty: boolean; failed: boolean; output: string }> {
    if (hcl !== undefined) this.configure(hcl);
    const { code, output } = await this.run("plan", "-detailed-exitcode", "-input=false", "-no-color");
    return { empty: code === 0, failed: code === 1, output };
  }

  async assertEmptyPlan(): Promise<void> {
    const { empty, output } = await this.plan();
    assert.ok(empty, output);
  }

  async destroy(): Promise<string> {
    const { code, output } = await this.run("destroy", "-auto-approve", "-input=false", "-no-color");
    assert.equal(code, 0, output);
    return output;
  }

  async import(address: string, id: string): Promise<CommandResult> {
    return this.run("import", "-input=false", "-no-color", address, id);
  }

  /** Stored attributes of every resource, by address. */
  async states(): Promise<Map<string, Json>> {
    const { output } = await this.run("show", "-json", "-no-color");
    const stored = (JSON.parse(output).values?.root_module?.resources ?? []) as Json[];
    return new Map(stored.map(({ address, values }) => [address, values]));
  }

  /** The same of one resource. */
  async state(address: string): Promise<Json | undefined> {
    return (await this.states()).get(address);
  }
}

/** Runs the real terraform in a folder, away from the user's own settings. */
export function startTerraform(
  folder: string,
  args: readonly string[],
  env: Record<string, string>,
): RunningCommand {
  const configuration = join(folder, "cli.tfrc");
  if (env.TF_CLI_CONFIG_FILE === undefined) writeFileSync(configuration, "");
  const child = spawn("terraform", args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      TF_CLI_CONFIG_FILE: configuration,
      CHECKPOINT_DISABLE: "1",
      TF_IN_AUTOMATION: "1",
      ...env,
    },
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const finished = new Promise<CommandResult>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`terraform 1.11 or newer is needed: ${error.message}`)));
    child.once("close", (code) => resolve({ code: code ?? -1, output }));
  });
  return { finished, interrupt: () => child.kill("SIGINT") };
}
