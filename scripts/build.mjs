// Bundles each program into one file under <package>/dist, native modules left outside.
// The dashboard becomes a folder of its own, which the server serves.
// `node scripts/build.mjs [server proxy agent provider dashboard]`; without names, all of them.
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import "./generate.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

// Natives and the modules that load files of their own at run time stay as they are in node_modules.
const external = [
  "argon2",
  "better-sqlite3",
  "better-sqlite3-node-api",
  "knex",
  "pg",
  "pino",
  "sodium-native",
  "fastify",
  "@fastify/static",
  "@fastify/swagger",
  "prom-client",
];

// Bundled CommonJS code calls require(); an ES module has none unless it makes one.
const requireShim =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

const programs = {
  server: { entry: "src/main.ts", out: "dist/main.js", format: "esm", banner: requireShim },
  proxy: { entry: "src/main.ts", out: "dist/main.js", format: "esm", banner: requireShim },
  agent: { entry: "src/main.ts", out: "dist/main.js", format: "esm", banner: requireShim },
  provider: {
    entry: "src/main.ts",
    out: `dist/terraform-provider-netbird_v${version}`,
    // Terraform executes this file by its name, which ends in ".0": inside a folder whose package.json says "module",
    // Node refuses to run such a file. So a shell starts Node, and require() reads the file as CommonJS wherever it is.
    format: "cjs",
    banner: `#!/bin/sh\n":" //; exec node -e 'require(require("node:path").resolve(process.argv[1]))' "$0" "$@"`,
    executable: true,
  },
};

const wanted = process.argv.slice(2).filter((name) => name in programs || name === "dashboard");
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
for (const name of Object.keys(programs).filter(isWanted)) {
  const program = programs[name];
  const entry = join(root, name, program.entry);
  if (!existsSync(entry)) throw new Error(`${name}: ${program.entry} is missing`);
  const outfile = join(root, name, program.out);
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: program.format,
    external,
    banner: { js: program.banner },
    define: { "process.env.NETBIRD_PROXY_VERSION": JSON.stringify(version) },
    legalComments: "none",
    logLevel: "warning",
    sourcemap: program.executable ? false : "linked",
  });
  if (program.executable) chmodSync(outfile, 0o755);
}

if (isWanted("dashboard")) {
  const { build: buildPages } = await import("vite");
  await buildPages({ root: join(root, "dashboard"), logLevel: "warn" });
}
