import type { CtyType } from "../convert/cty-type.ts";
import type { ProviderFunction } from "../framework/provider-function.ts";
import type { Attribute, Attributes, Schema } from "../framework/schema.ts";

export interface PageContent {
  /** As configurations write it: `netbird_group`. */
  readonly title: string;
  readonly kind: "Resource" | "Data Source" | "Ephemeral Resource" | "List Resource" | "Provider";
  readonly schema: Schema;
  /** HCL. */
  readonly example: string;
  /** Markdown between example and schema; may be empty. */
  readonly notes: string;
  /** Ids that `terraform import` takes, with what they mean; empty when there is no import. */
  readonly importForms: readonly { readonly id: string; readonly meaning: string }[];
  /** HCL of an import by identity. */
  readonly importBlock?: string;
}

/** One page of the documentation, in the form that Terraform's registry shows. */
export function referencePage(page: PageContent): string {
  const { title, kind, schema } = page;
  const sections = [
    `---\npage_title: "${title} ${kind}"\nsubcategory: ""\ndescription: ${JSON.stringify(schema.description)}\n---`,
    `# ${title} (${kind})`,
    schema.description,
    `## Example Usage\n\n\`\`\`terraform\n${page.example.trim()}\n\`\`\``,
  ];
  if (page.notes.trim() !== "") sections.push(page.notes.trim());
  sections.push(`## Schema\n\n${attributeLists(schema.attributes, "###")}`);
  sections.push(...nestedSections(schema.attributes, []));
  if (page.importForms.length > 0) {
    const lines = page.importForms.map(
      ({ id, meaning }) => `terraform import ${title}.example ${id}  # ${meaning}`,
    );
    sections.push(`## Import\n\n\`\`\`shell\n${lines.join("\n")}\n\`\`\``);
    if (page.importBlock !== undefined)
      sections.push(
        `With Terraform 1.12 or newer, by identity:\n\n\`\`\`terraform\n${page.importBlock}\n\`\`\``,
      );
  }
  return `${sections.join("\n\n")}\n`;
}

/** The page of a function. */
export function functionPage(one: ProviderFunction, example: string): string {
  const parameters = one.parameters.map(
    ({ name, type, description, nullable }, index) =>
      `${index + 1}. \`${name}\` (${ctyName(type)}${nullable ? ", Nullable" : ""}) ${description}`,
  );
  const signature = `${one.name}(${one.parameters.map(({ name, type }) => `${name} ${ctyName(type).toLowerCase()}`).join(", ")}) ${ctyName(one.returns).toLowerCase()}`;
  const sections = [
    `---\npage_title: "${one.name} Function"\nsubcategory: ""\ndescription: ${JSON.stringify(one.summary)}\n---`,
    `# ${one.name} (Function)`,
    one.description,
    `## Example Usage\n\n\`\`\`terraform\n${example.trim()}\n\`\`\``,
    `## Signature\n\n\`\`\`text\n${signature}\n\`\`\``,
    `## Arguments\n\n${parameters.join("\n")}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

function attributeLists(attributes: Attributes, heading: string): string {
  const groups: [string, (attribute: Attribute) => boolean][] = [
    ["Required", ({ required }) => required === true],
    ["Optional", ({ optional }) => optional === true],
    ["Read-Only", ({ required, optional }) => !required && !optional],
  ];
  const lists = groups.map(([name, belongs]) => {
    const lines = Object.entries(attributes)
      .filter(([, attribute]) => belongs(attribute))
      .map(([attributeName, attribute]) => attributeLine(attributeName, attribute));
    return lines.length === 0 ? "" : `${heading} ${name}\n\n${lines.join("\n")}`;
  });
  return lists.filter((list) => list !== "").join("\n\n");
}

function attributeLine(name: string, attribute: Attribute): string {
  const traits = [typeName(attribute)];
  if (attribute.sensitive) traits.push("Sensitive");
  if (attribute.writeOnly) traits.push("Write-only");
  return `- \`${name}\` (${traits.join(", ")}) ${attribute.description}`;
}

function typeName(attribute: Attribute): string {
  if (attribute.nested) {
    const kinds = {
      single: "Object",
      list: "List of Object",
      set: "Set of Object",
      map: "Map of Object",
    } as const;
    return kinds[attribute.nested.nesting];
  }
  return ctyName(attribute.type);
}

function ctyName(type: CtyType): string {
  if (type === "string") return "String";
  if (type === "number") return "Number";
  if (type === "bool") return "Boolean";
  if (type === "dynamic") return "Dynamic";
  if (type[0] === "object") return "Object";
  if (type[0] === "tuple") return "Tuple";
  const kinds = { list: "List", set: "Set", map: "Map" } as const;
  return `${kinds[type[0]]} of ${ctyName(type[1])}`;
}

function nestedSections(attributes: Attributes, at: readonly string[]): string[] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    if (!attribute.nested) return [];
    const path = [...at, name];
    const anchor = `<a id="nestedatt--${path.join("--")}"></a>`;
    return [
      `${anchor}\n### \`${path.join(".")}\`\n\n${attributeLists(attribute.nested.attributes, "####")}`,
      ...nestedSections(attribute.nested.attributes, path),
    ];
  });
}
