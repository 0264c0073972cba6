// Generates the gRPC codecs from proto/**/*.proto (buf drives ts-proto; both come from npm and run offline).
// Does nothing when the generated files are newer than their sources, so that every script may call it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = join(root, "proto", "wire");
const out = join(root, "proto", "src", "generated");
const stamp = join(out, ".stamp");

function newestMs(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return newest;
}

const scriptMs = statSync(fileURLToPath(import.meta.url)).mtimeMs;
const upToDate =
  existsSync(stamp) &&
  statSync(stamp).mtimeMs > Math.max(newestMs(sources), scriptMs) &&
  !process.argv.includes("--force");
if (!upToDate) {
  mkdirSync(out, { recursive: true });
  const options = [
    "esModuleInterop=true",
    "outputServices=grpc-js",
    "env=node",
    "importSuffix=.ts",
    "enumsAsLiterals=true",
    "oneof=unions-value",
    "forceLong=bigint",
    "useOptionals=none",
    "outputJsonMethods=false",
    "outputPartialMethods=true",
    "useExactTypes=false",
    "useDate=false",
    "exportCommonSymbols=false",
    "removeEnumPrefix=false",
  ];
  const template = {
    version: "v2",
    plugins: [{ local: join(root, "node_modules", ".bin", "protoc-gen-ts_proto"), out, opt: options }],
  };
  execFileSync(
    join(root, "node_modules", ".bin", "buf"),
    ["generate", sources, "--template", JSON.stringify(template)],
    { stdio: "inherit", cwd: root, env: { ...process.env, BUF_CACHE_DIR: join(root, ".cache", "buf") } },
  );
  writeFileSync(stamp, "");
}
