import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  findTerraform,
  installProvider,
  type TerraformResult,
  terraform,
} from "../../scripts/stack/terraform.ts";

interface Change {
  address: string;
  actions: string[];
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** A folder with one main.tf, the built provider from a filesystem mirror, and the real terraform. */
export class TerraformWorkspace {
  readonly folder: string;
  readonly #program: string;
  readonly #env: Record<string, string>;

  constructor(folder: string, env: Record<string, string>) {
    const program = findTerraform();
    assert.ok(program, "terraform or tofu must be on the PATH");
    this.#program = program;
    this.folder = join(folder, "workspace");
    mkdirSync(this.folder, { recursive: true });
    this.#env = { TF_CLI_CONFIG_FILE: installProvider(folder), ...env };
  }

  write(hcl: string): void {
    writeFileSync(
      join(this.folder, "main.tf"),
      `terraform {
  required_providers {
    netbird = { source = "netbirdio/netbird" }
  }
}
provider "netbird" {}
${hcl}`,
    );
  }

  run(...args: string[]): Promise<TerraformResult> {
    return terraform(this.#program, args, { cwd: this.folder, env: this.#env });
  }

  async ok(...args: string[]): Promise<string> {
    const { code, output } = await this.run(...args);
    assert.equal(code, 0, `terraform ${args.join(" ")}:\n${output}`);
    return output;
  }

  async fails(...args: string[]): Promise<string> {
    const { code, output } = await this.run(...args);
    assert.equal(code, 1, `terraform ${args.join(" ")} was to fail:\n${output}`);
    return output;
  }

  /** What a plan would change; no-ops left out. */
  async plannedChanges(): Promise<Change[]> {
    await this.ok("plan", "-out=plan.bin");
    const shown = JSON.parse(await this.ok("show", "-json", "plan.bin")) as {
      resource_changes?: { address: string; change: Omit<Change, "address"> }[];
    };
    return (shown.resource_changes ?? [])
      .map(({ address, change }) => ({ address, ...change }))
      .filter((change) => change.actions.join() !== "no-op" && change.actions.join() !== "read");
  }

  async assertEmptyPlan(): Promise<void> {
    const { code, output } = await this.run("plan", "-detailed-exitcode");
    assert.equal(code, 0, `the plan was to be empty:\n${output}`);
  }

  async apply(): Promise<string> {
    return this.ok("apply", "-auto-approve");
  }

  async outputs(): Promise<Record<string, unknown>> {
    const parsed = JSON.parse(await this.ok("output", "-json")) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(parsed).map(([name, { value }]) => [name, value]));
  }

  stateText(): string {
    return readFileSync(join(this.folder, "terraform.tfstate"), "utf8");
  }
}
