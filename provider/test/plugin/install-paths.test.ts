import assert from "node:assert/strict";
import { installPaths, pluginFolders } from "../../../scripts/provider-package/install.ts";
import { platformOf } from "../../../scripts/provider-package/platforms.ts";

const nothing = () => false;

suite("where the provider is installed", () => {
  test("on Linux and macOS below the home folder, for Terraform and for OpenTofu", () => {
    const linux = pluginFolders("linux", {}, "/home/ada", nothing);
    assert.deepEqual(installPaths(linux, "0.1.0", platformOf("linux", "x64")), [
      "/home/ada/.terraform.d/plugins/registry.terraform.io/netbirdio/netbird/0.1.0/linux_amd64/terraform-provider-netbird_v0.1.0",
      "/home/ada/.terraform.d/plugins/registry.opentofu.org/netbirdio/netbird/0.1.0/linux_amd64/terraform-provider-netbird_v0.1.0",
    ]);
    const mac = pluginFolders("darwin", { XDG_DATA_HOME: "/Users/ada/.data" }, "/Users/ada", nothing);
    assert.equal(mac["registry.terraform.io"], "/Users/ada/.terraform.d/plugins");
  });

  test("with an XDG folder in it, unless there is a .terraform.d already", () => {
    const env = { XDG_DATA_HOME: "/home/ada/.data" };
    assert.deepEqual(pluginFolders("linux", env, "/home/ada", nothing), {
      "registry.terraform.io": "/home/ada/.data/terraform/plugins",
      "registry.opentofu.org": "/home/ada/.data/opentofu/plugins",
    });
    const classic = (path: string) => path === "/home/ada/.terraform.d";
    assert.deepEqual(pluginFolders("linux", env, "/home/ada", classic), {
      "registry.terraform.io": "/home/ada/.terraform.d/plugins",
      "registry.opentofu.org": "/home/ada/.terraform.d/plugins",
    });
  });

  test("on Windows in the roaming profile, as a program with .exe", () => {
    const env = { APPDATA: "C:\\Users\\ada\\AppData\\Roaming" };
    const folders = pluginFolders("win32", env, "C:\\Users\\ada", nothing);
    const plugins = "C:\\Users\\ada\\AppData\\Roaming\\terraform.d\\plugins";
    assert.equal(folders["registry.terraform.io"], plugins);
    assert.equal(
      installPaths(folders, "0.1.0", platformOf("win32", "arm64"))[1],
      `${plugins}\\registry.opentofu.org\\netbirdio\\netbird\\0.1.0\\windows_arm64\\terraform-provider-netbird_v0.1.0.exe`,
    );
  });

  test("on Windows without a profile the user is asked for the folder", () => {
    assert.throws(
      () => pluginFolders("win32", {}, "C:\\Users\\ada", nothing),
      /APPDATA is not set; say with --plugins/,
    );
  });
});
