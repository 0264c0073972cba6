import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What a folder may import of ours, and why not more. The table of the design, as a test. */
const rules: Record<string, { may: string[]; because: string }> = {
  proto: { may: [], because: "contracts depend on nothing, or every process would carry another's code" },
  tunnel: { may: [], because: "the tunnel is a library of its own, testable without the product" },
  geo: {
    may: [],
    because: "both sides ask for the country of an address, and neither carries the other's code",
  },
  server: {
    may: ["proto", "geo"],
    because: "the server never touches packets and knows proxies only by their messages",
  },
  dashboard: { may: ["proto"], because: "a browser gets types of the contract and no code of the server" },
  proxy: { may: ["proto", "tunnel", "geo"], because: "the data plane must run without the server's code" },
  agent: { may: ["proto", "tunnel"], because: "the agent runs on other people's machines and stays small" },
  provider: { may: ["proto"], because: "the provider speaks REST and starts several times per command" },
};

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "generated") yield* sources(path);
    else if (/\.(ts|tsx|mts)$/.test(entry.name)) yield path;
  }
}

/** Static and dynamic imports and re-exports, type-only ones included. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\brequire\(\s*)["']([^"'\n]+)["']/g;
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

/** The workspace folder that an import reaches, or undefined when it is none of ours. */
function reaches(file: string, specifier: string): string | undefined {
  const scoped = /^@netbird-proxy\/([^/]+)/.exec(specifier);
  if (scoped) return scoped[1];
  if (!specifier.startsWith(".")) return undefined;
  return relative(root, resolve(dirname(file), specifier)).split(sep)[0];
}

suite("import rules", () => {
  for (const [folder, { may, because }] of Object.entries(rules)) {
    test(`${folder} imports ${may.length === 0 ? "nothing of ours" : `only ${may.join(" and ")}`}: ${because}`, () => {
      const broken: string[] = [];
      let seen = 0;
      for (const file of sources(join(root, folder, "src"))) {
        for (const specifier of importsOf(file)) {
          seen += 1;
          const target = reaches(file, specifier);
          if (target !== undefined && target !== folder && !may.includes(target)) {
            broken.push(`${relative(root, file)} imports ${specifier}`);
          }
        }
      }
      assert.ok(seen > 0, "no import was found at all: the test itself is broken");
      assert.deepEqual(broken, []);
    });
  }

  test("every package declares what its sources import", () => {
    const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
    const missing: string[] = [];
    for (const folder of Object.keys(rules)) {
      const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
        dependencies?: Record<string, string>;
      };
      for (const file of sources(join(root, folder, "src"))) {
        for (const specifier of importsOf(file)) {
          if (specifier.startsWith(".") || builtins.has(specifier)) continue;
          const name = specifier
            .split("/")
            .slice(0, specifier.startsWith("@") ? 2 : 1)
            .join("/");
          if (!(name in (manifest.dependencies ?? {}))) missing.push(`${relative(root, file)}: ${name}`);
        }
      }
    }
    assert.deepEqual(missing, []);
  });

  test("the environment is read in one file per process", () => {
    const allowed = new Set(["config.ts", "main.ts"]);
    const readers: string[] = [];
    for (const folder of Object.keys(rules)) {
      for (const file of sources(join(root, folder, "src"))) {
        const text = readFileSync(file, "utf8").replaceAll("process.env.NETBIRD_PROXY_VERSION", "");
        if (/\bprocess\.env\b/.test(text) && !allowed.has(file.split(sep).at(-1)!))
          readers.push(relative(root, file));
      }
    }
    assert.deepEqual(readers, []);
  });
});
