import { posix, win32 } from "node:path";

/** Where each of the two looks for plugins of the user, and below which name there. */
export interface PluginFolders {
  /** Terraform's, below the name of its registry. */
  "registry.terraform.io": string;
  /** OpenTofu's, below the name of its own. */
  "registry.opentofu.org": string;
}

/**
 * The folders where Terraform and OpenTofu look for plugins of the user.
 * Where `~/.terraform.d` exists, or on Windows, it is one for both. Where it does not, it must not be made for somebody with an XDG
 * folder: OpenTofu would take its configuration and its credentials from it from then on.
 * Source: Terraform's documentation, "Implied Local Mirror Directories"; OpenTofu's `cliconfig`.
 *
 * @param system as in `process.platform`
 * @throws Error on Windows without APPDATA
 */
export function pluginFolders(
  system: string,
  env: Record<string, string | undefined>,
  home: string,
  exists: (path: string) => boolean,
): PluginFolders {
  if (system === "win32") {
    if (!env.APPDATA)
      throw new Error("APPDATA is not set; say with --plugins where the folder of plugins is");
    return both(win32.join(env.APPDATA, "terraform.d", "plugins"));
  }
  const classic = posix.join(home, ".terraform.d");
  const data = env.XDG_DATA_HOME;
  // On macOS Terraform does not know XDG.
  if (!data || system === "darwin" || exists(classic)) return both(posix.join(classic, "plugins"));
  return {
    "registry.terraform.io": posix.join(data, "terraform", "plugins"),
    "registry.opentofu.org": posix.join(data, "opentofu", "plugins"),
  };
}

/** One folder for both, such as a filesystem mirror. */
export function both(plugins: string): PluginFolders {
  return { "registry.terraform.io": plugins, "registry.opentofu.org": plugins };
}

/**
 * Everywhere the program has to be put.
 * @param platform such as `windows_amd64`
 */
export function installPaths(folders: PluginFolders, version: string, platform: string): string[] {
  const { join } = platform.startsWith("windows") ? win32 : posix;
  return Object.entries(folders).map(([registry, plugins]) =>
    join(plugins, registry, "netbirdio", "netbird", version, platform, programName(version, platform)),
  );
}

export function programName(version: string, platform: string): string {
  return `terraform-provider-netbird_v${version}${platform.startsWith("windows") ? ".exe" : ""}`;
}
