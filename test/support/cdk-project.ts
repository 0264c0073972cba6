import assert from "node:assert/strict";
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { nodeBinary } from "../../scripts/provider-package/node-binary.ts";
import { host } from "../../scripts/provider-package/platforms.ts";
import { repository } from "../../scripts/stack/programs.ts";
import { type TerraformResult, terraform } from "../../scripts/stack/terraform.ts";

/** What a checkout of the example has; what was installed or generated in place stays there. */
const leftBehind = new Set(["node_modules", ".gen", "cdktf.out"]);

/** cdktn's command line needs it; its library and cdktf do not. */
const CDKTN_NODE = [22, 19] as const;

/** The folder of a Node that cdktn's command line runs on: ours, or the one that goes into the provider's packages. */
function folderOfNode(): string {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [leastMajor, leastMinor] = CDKTN_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return dirname(process.execPath);
  return dirname(nodeBinary(host, join(repository, ".cache", "node-binaries")));
}

/** A copy of an example of the CDK with packages of its own, and the real command line. */
export class CdkProject {
  readonly folder: string;
  /** Where Terraform finds the provider, and the provider its server. */
  env: Record<string, string> = {};
  readonly #ownEnv: Record<string, string>;

  constructor(flavour: "cdktf" | "cdktn", folder: string) {
    const example = join(repository, "examples", flavour);
    this.folder = join(folder, flavour);
    cpSync(example, this.folder, {
      recursive: true,
      filter: (source) => !leftBehind.has(source.slice(example.length + 1)),
    });
    // The CLI asks for newer versions of itself, and keeps a folder in the user's home, unless it is told otherwise.
    this.#ownEnv = {
      CI: "1",
      DISABLE_VERSION_CHECK: "1",
      CDKTF_HOME: join(folder, "cdk-home"),
      ...(flavour === "cdktn" && { PATH: `${folderOfNode()}${delimiter}${process.env.PATH}` }),
    };
  }

  write(file: string, content: string): void {
    assert.ok(existsSync(join(this.folder, file)), `the example has a ${file}`);
    writeFileSync(join(this.folder, file), content);
  }

  /** By the lock file, and without scripts: cdktf's only one would build a terminal, which nobody needs here. */
  async install(): Promise<void> {
    await this.#ok("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
  }

  /** A script of the example's package.json, with its output. */
  script(name: string, ...args: string[]): Promise<string> {
    return this.#ok("npm", ["run", "--silent", name, "--", ...args]);
  }

  runScript(name: string, ...args: string[]): Promise<TerraformResult> {
    return this.#run("npm", ["run", "--silent", name, "--", ...args]);
  }

  async #ok(program: string, args: string[]): Promise<string> {
    const { code, output } = await this.#run(program, args);
    assert.equal(code, 0, `${program} ${args.join(" ")}:\n${output}`);
    return output;
  }

  #run(program: string, args: string[]): Promise<TerraformResult> {
    return terraform(program, args, { cwd: this.folder, env: { ...this.#ownEnv, ...this.env } });
  }
}
