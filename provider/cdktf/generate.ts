import { cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { netbirdProvider, providerAddress, readEnvironment, schemasJson } from "../src/index.ts";
import { type Flavour, flavours } from "./flavours.ts";

/** As much of both generators as is used here; they are installed only when bindings are made. */
interface Generator {
  CodeMaker: new () => { save(folder: string): Promise<unknown> };
  TerraformProviderConstraint: new (constraint: string) => unknown;
  TerraformProviderGenerator: new (
    code: unknown,
    schemas: unknown,
  ) => { generate(constraint: unknown): void };
}

/**
 * Writes the TypeScript sources of one flavour's bindings into `folder`.
 * @param version of the provider; the bindings ask for it or a later one that is compatible
 */
export async function generate(flavour: Flavour, folder: string, version: string): Promise<void> {
  const { CodeMaker, TerraformProviderConstraint, TerraformProviderGenerator } = createRequire(
    import.meta.url,
  )(flavours[flavour].generator) as Generator;
  const schemas = {
    ...schemasJson(netbirdProvider(readEnvironment({})), providerAddress),
    provider_versions: { [providerAddress]: version },
  };
  const code = new CodeMaker();
  const [major, minor] = version.split(".");
  // Without the registry's host, so that OpenTofu looks in its own.
  const constraint = new TerraformProviderConstraint(`netbirdio/netbird@~> ${major}.${minor}`);
  new TerraformProviderGenerator(code, schemas).generate(constraint);
  await code.save(folder);
  // What the CLI needs as folders among other providers' is the package itself here.
  const nested = join(folder, "providers", "netbird");
  cpSync(nested, folder, { recursive: true });
  rmSync(join(folder, "providers"), { recursive: true });
}
