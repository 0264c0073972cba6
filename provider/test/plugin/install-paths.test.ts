import assert from "node:assert/strict";
import { installPaths, pluginsFolder } from "../../../scripts/provider-package/install.ts";
import { platformOf } from "../../../scripts/provider-package/platforms.ts";

suite("where the provider is installed", () => {
  test("on Linux and macOS below the home folder, for Terraform and for OpenTofu", () => {
    const plugins = pluginsFolder("linux", {}, "/home/ada");
    assert.equal(plugins, "/home/ada/.terraform.d/plugins");
    assert.equal(pluginsFolder("darwin", {}, "/Users/ada"), "/Users/ada/.terraform.d/plugins");
    assert.deepEqual(installPaths(plugins, "0.1.0", platformOf("linux", "x64")), [
      "/home/ada/.terraform.d/plugins/registry.terraform.io/netbirdio/netbird/0.1.0/linux_amd64/terraform-provider-netbird_v0.1.0",
      "/home/ada/.terraform.d/plugins/registry.opentofu.org/netbirdio/netbird/0.1.0/linux_amd64/terraform-provider-netbird_v0.1.0",
    ]);
  });

  test("on Windows in the roaming profile, as a program with .exe", () => {
    const env = { APPDATA: "C:\\Users\\ada\\AppData\\Roaming" };
    const plugins = pluginsFolder("win32", env, "C:\\Users\\ada");
    assert.equal(plugins, "C:\\Users\\ada\\AppData\\Roaming\\terraform.d\\plugins");
    assert.deepEqual(
      installPaths(plugins, "0.1.0", platformOf("win32", "arm64"))[1],
      `${plugins}\\registry.opentofu.org\\netbirdio\\netbird\\0.1.0\\windows_arm64\\terraform-provider-netbird_v0.1.0.exe`,
    );
  });

  test("on Windows without a profile the user is asked for the folder", () => {
    assert.throws(
      () => pluginsFolder("win32", {}, "C:\\Users\\ada"),
      /APPDATA is not set; say with --plugins/,
    );
  });
});
