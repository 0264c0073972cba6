import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./programs.ts";

/** The provider version that this tree builds. */
export const providerVersion = "0.1.0";

/** terraform, or tofu where only that is installed. */
export function findTerraform(): string | undefined {
  for (const program of ["terraform", "tofu"]) {
    if (spawnSync(program, ["version"], { stdio: "ignore", env: process.env }).status === 0) return program;
  }
  return undefined;
}

export const howToGetTerraform =
  "Neither terraform nor tofu is on the PATH. Get one:\n" +
  "  Terraform  https://developer.hashicorp.com/terraform/install\n" +
  "  OpenTofu   https://opentofu.org/docs/intro/install/\n" +
  "Then run this command again.";

const goArchitectures: Record<string, string> = { x64: "amd64", arm64: "arm64", ia32: "386" };
const platform = `${process.platform === "win32" ? "windows" : process.platform}_${goArchitectures[process.arch] ?? process.arch}`;

/**
 * Puts the built provider into a filesystem mirror under `folder` and writes the CLI configuration that names it.
 * @returns the path of the CLI configuration, for TF_CLI_CONFIG_FILE
 */
export function installProvider(folder: string): string {
  const mirror = join(folder, "plugins");
  const file = `terraform-provider-netbird_v${providerVersion}`;
  const hosts = ["registry.terraform.io", "registry.opentofu.org"];
  const mirrored = hosts.map((host) => `"${host}/netbirdio/*"`).join(", ");
  for (const host of hosts) {
    const target = join(mirror, host, "netbirdio", "netbird", providerVersion, platform);
    mkdirSync(target, { recursive: true });
    copyFileSync(join(repository, "provider", "dist", file), join(target, file));
  }
  const configFile = join(folder, "terraform.rc");
  writeFileSync(
    configFile,
    `# Providers of the namespace "netbirdio" come from this folder, all others from where they always come.
provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(mirror)}
    include = [${mirrored}]
  }
  direct {
    exclude = [${mirrored}]
  }
}
disable_checkpoint = true
`,
  );
  return configFile;
}

// terraform colours what it writes to a pipe too, and not every subcommand takes -no-color.
// biome-ignore lint/complexity/useRegexLiterals: a literal escape character is worse to read
const COLOURS = new RegExp("\\u001b\\[[0-9;]*m", "g");

export interface TerraformResult {
  code: number;
  output: string;
}

/** Runs terraform without a terminal; output and errors come back together. */
export function terraform(
  program: string,
  args: string[],
  { cwd, env, onLine }: { cwd: string; env: Record<string, string>; onLine?: (line: string) => void },
): Promise<TerraformResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        TF_IN_AUTOMATION: "1",
        TF_INPUT: "0",
        CHECKPOINT_DISABLE: "1",
        NO_COLOR: "1",
        ...env,
      },
    });
    let output = "";
    let partial = "";
    const take = (chunk: string) => {
      output += chunk;
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) onLine?.(line.replace(COLOURS, ""));
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output: output.replace(COLOURS, "") }));
  });
}
