import type { Identity } from "../framework/identity.ts";
import type { Attributes } from "../framework/schema.ts";

const SOME_ID = "d2k0example0000000ab";

/** A file for `terraform query` that finds every object of a type. */
export function queryExample(typeName: string, attributes: Attributes): string {
  const settings = Object.entries(attributes)
    .filter(([, { required }]) => required === true)
    .map(([name]) => `    ${name} = "${SOME_ID}"\n`);
  const config = settings.length === 0 ? "" : `\n  config {\n${settings.join("")}  }\n`;
  return `# found.tfquery.hcl\nlist "${typeName}" "all" {\n  provider = netbird\n${config}}`;
}

/** An `import` block that says by identity which object is meant. */
export function importByIdentity(typeName: string, identity: Identity): string {
  const width = Math.max(...identity.attributes.map((name) => name.length));
  const parts = identity.attributes.map((name) => `    ${name.padEnd(width)} = "${SOME_ID}"\n`);
  return `import {\n  to = ${typeName}.example\n  identity = {\n${parts.join("")}  }\n}`;
}
