import { posix, win32 } from "node:path";

/** Terraform and OpenTofu look below the name of their own registry. */
export const registries = ["registry.terraform.io", "registry.opentofu.org"];

/**
 * The folder where both look for plugins of the user.
 * Source: Terraform's documentation, "Implied Local Mirror Directories"; OpenTofu kept it.
 * @param system as in `process.platform`
 * @throws Error on Windows without APPDATA
 */
export function pluginsFolder(system: string, env: Record<string, string | undefined>, home: string): string {
  if (system !== "win32") return posix.join(home, ".terraform.d", "plugins");
  if (!env.APPDATA) throw new Error("APPDATA is not set; say with --plugins where the folder of plugins is");
  return win32.join(env.APPDATA, "terraform.d", "plugins");
}

/**
 * Everywhere the program has to be put.
 * @param platform such as `windows_amd64`
 */
export function installPaths(plugins: string, version: string, platform: string): string[] {
  const { join } = platform.startsWith("windows") ? win32 : posix;
  return registries.map((registry) =>
    join(plugins, registry, "netbirdio", "netbird", version, platform, programName(version, platform)),
  );
}

export function programName(version: string, platform: string): string {
  return `terraform-provider-netbird_v${version}${platform.startsWith("windows") ? ".exe" : ""}`;
}
