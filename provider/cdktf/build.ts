// Makes the npm packages with the provider's bindings for cdktf and cdktn, from the schemas in ../src.
//   node --import tsx provider/cdktf/build.ts [--out provider/cdktf/dist] [cdktf cdktn]
// The generators are not part of the repository's own installation; they are installed here, from npm, when missing.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Flavour, flavours } from "./flavours.ts";
import { generate } from "./generate.ts";

// The generators tell HashiCorp that they run, unless this says not to.
process.env.CHECKPOINT_DISABLE = "1";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: join(here, "dist") } },
});

function run(command: string, args: string[], cwd: string): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

function installGenerators(): void {
  const mark = join(here, "node_modules", ".installed-for");
  const wanted = readFileSync(join(here, "package-lock.json"), "utf8");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  console.log("installing the generators");
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], here);
  writeFileSync(mark, wanted);
}

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2022"],
  module: "CommonJS",
  moduleResolution: "Node10",
  types: ["node"],
  typeRoots: [join(here, "node_modules", "@types")],
  declaration: true,
  strict: true,
  skipLibCheck: true,
  outDir: "lib",
  rootDir: "src",
};

/** One package: sources, JavaScript with types, manifest, packed. */
async function buildPackage(flavour: Flavour, out: string): Promise<void> {
  const { packageName, peerDependencies } = flavours[flavour];
  const folder = join(out, flavour);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await generate(flavour, join(folder, "src"), version);

  const tsconfig = join(folder, "tsconfig.json");
  // The libraries lie beside this script, wherever the package is built.
  const paths = { "*": [join(here, "node_modules", "*")] };
  writeFileSync(
    tsconfig,
    JSON.stringify({ compilerOptions: { ...compilerOptions, paths }, include: ["src"] }),
  );
  run(process.execPath, [join(here, "node_modules", "typescript", "bin", "tsc"), "-p", tsconfig], folder);
  rmSync(tsconfig);

  const manifest = {
    name: packageName,
    version,
    description: `The Terraform provider netbirdio/netbird for ${flavour}`,
    license: "Apache-2.0",
    main: "lib/index.js",
    types: "lib/index.d.ts",
    files: ["lib"],
    engines: { node: ">=20.19" },
    peerDependencies,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(here, "README.md"), join(folder, "README.md"));
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", out], folder)) as {
    filename: string;
  }[];
  console.log(`built ${join(out, packed!.filename)}`);
}

function isFlavour(name: string): name is Flavour {
  return name in flavours;
}

const unknown = positionals.filter((name) => !isFlavour(name));
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: not a flavour; there are ${Object.keys(flavours).join(" and ")}`);
  process.exit(1);
}
const out = resolve(options.out);
const wanted = positionals.length > 0 ? positionals : Object.keys(flavours);
installGenerators();
for (const name of wanted.filter(isFlavour)) await buildPackage(name, out);
