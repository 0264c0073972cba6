import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEnvironment } from "../config.ts";
import { netbirdProvider } from "../netbird-provider.ts";
import { importByIdentity, queryExample } from "./query-example.ts";
import { functionPage, type PageContent, referencePage } from "./reference-page.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Where the pages are, and where their examples come from. */
export const pagesFolder = join(repository, "docs", "provider");
export const examplesFolder = join(repository, "examples", "provider");

type ImportForms = PageContent["importForms"];

function byName(name: string): ImportForms {
  return [
    { id: `name=${name}`, meaning: "by name" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ];
}

const importForms: Record<string, ImportForms> = {
  netbird_proxy_service: [
    { id: "shop.example.com", meaning: "by domain" },
    { id: "name=shop", meaning: "by name" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_custom_domain: [
    { id: "apps.example.org", meaning: "by domain" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_certificate: byName("shop"),
  netbird_dns_credentials: [
    { id: "domain=apps.example.org", meaning: "by domain" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_proxy_service_target: [
    { id: "d2k0example0000000ab/path=/api", meaning: "service's id, then the path" },
    { id: "d2k0example0000000ab/d2k0example0000000ac", meaning: "service's id, then the id" },
  ],
  netbird_reverse_proxy_service: [
    { id: "domain=shop.example.com", meaning: "by domain" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_reverse_proxy_domain: [
    { id: "apps.example.org", meaning: "by domain" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_group: [
    { id: '"name=web servers"', meaning: "by name" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
  netbird_account_settings: [{ id: "account", meaning: "there is only one; any text will do" }],
  netbird_network: byName("office"),
  netbird_network_resource: [
    { id: "d2k0example0000000ab/name=database", meaning: "network's id, then the name" },
    { id: "d2k0example0000000ab/d2k0example0000000ac", meaning: "network's id, then the id" },
  ],
  netbird_network_router: [
    { id: "d2k0example0000000ab/d2k0example0000000ac", meaning: "network's id, then the id" },
  ],
  netbird_peer: byName("web"),
  netbird_policy: byName("office"),
  netbird_proxy_service_token: [
    { id: "d2k0example0000000ab/name=ci", meaning: "service's id, then the name" },
    { id: "d2k0example0000000ab/d2k0example0000000ac", meaning: "service's id, then the id" },
  ],
  netbird_proxy_share_link: [
    { id: "d2k0example0000000ab/name=board meeting", meaning: "service's id, then the name" },
    { id: "d2k0example0000000ab/d2k0example0000000ac", meaning: "service's id, then the id" },
  ],
  netbird_proxy_token: byName("frankfurt"),
  netbird_token: [
    { id: "2fd8f4d6-d6c2-44c3-b7a4-adb644177b3d/name=ci", meaning: "user's id, then the name" },
  ],
  netbird_user: [
    { id: "name=ci", meaning: "by name" },
    { id: "email=ada@example.com", meaning: "by e-mail address" },
  ],
  netbird_wireguard_peer: byName("phone"),
  netbird_setup_key: [
    { id: "name=agents", meaning: "by name" },
    { id: "d2k0example0000000ab", meaning: "by id" },
  ],
};

const notes: Record<string, string> = {
  provider: `Secrets are write-only arguments (Terraform 1.11 or newer): they reach the server, and neither plan nor state.
Requests that fail for a passing reason are repeated, and all wait when the server asks for patience.

While planning, the provider lets our server check every change whose values are known (a dry run), so that what the plan
accepts, the apply accepts too. \`preflight = "warn"\` only reports what the server would refuse, \`"off"\` does not ask.
A name that is taken is a warning where the same apply may free it, and nothing at all where it is known to. NetBird's own management server works as well; there, such mistakes show while applying.`,
  netbird_proxy_service: `## What the plan tells

- A service without \`auth\`, \`private\` and \`access_restrictions.allowed_cidrs\` can be reached by everyone. The plan
  warns about it until \`public = true\` confirms that this is meant.
- The server checks the change before anything is written. Its refusals point at the attribute.

## When the apply ends

With \`wait_for_live\` (the default) an apply ends when a probe went through a proxy and the tunnel to every target, with
the version that was just written. When that takes longer than \`timeouts\`, the apply fails with the server's reason and
what to do about it. The service stays stored; after a failed *create* Terraform marks it as tainted, and would make a
new one. \`terraform untaint\` keeps it.

## Secrets

\`value_wo\` is write-only. Terraform cannot see that it changed, so raise \`version\` whenever it does. A method that was
removed or switched off behind Terraform's back is put back with its secret. Before Terraform 1.11 use \`value\`, which is
stored in the state.`,
  netbird_proxy_service_target: `A service that is managed by \`netbird_proxy_service\` has all its targets in \`targets\`. Where other teams add routes of
their own, let it ignore them with \`lifecycle { ignore_changes = [targets] }\`. A path belongs to whoever was first; the
server refuses a second one and names the owner. Needs our server.`,
  netbird_certificate: `Terraform never reads the key back. It is sent when the certificate is new, when \`certificate_chain\` changes, and when
\`private_key_wo_version\` does. An imported certificate keeps the key that the server has. Needs our server.`,
  netbird_dns_credentials: `The secret is sent when the credentials are new, and whenever anything in their block changes; raise \`version\` when only
the secret changed. Needs our server.`,
  ephemeral: `Every plan and every apply makes one of its own and deletes it at the end, also when it fails. The value never reaches
plan or state. Should Terraform be killed, it ends by itself. Needs Terraform 1.10.`,
  list: `For \`terraform query\`, which needs Terraform 1.14. With \`-generate-config-out\` it writes configuration and \`import\` blocks
for what it finds. A \`limit\` in the \`list\` block ends the search early.`,
  netbird_reverse_proxy_service: `Configurations for NetBird's own provider work as they are. To go on with netbird_proxy_service, write the new resource and let the object
move; nothing changes on the server:

\`\`\`terraform
moved {
  from = netbird_reverse_proxy_service.example
  to   = netbird_proxy_service.example
}
\`\`\`

Passwords are stored in the state here, as that provider does; \`netbird_proxy_service\` has write-only ones.
\`access_restrictions.allow_match\` and \`appsec_mode\` are missing: the server does not have them, and a restriction that
is silently left out would be a hole.`,
  netbird_reverse_proxy_domain: `Configurations for NetBird's own provider work as they are. To go on with netbird_custom_domain, write the new resource and let the object
move; nothing changes on the server:

\`\`\`terraform
moved {
  from = netbird_reverse_proxy_domain.example
  to   = netbird_custom_domain.example
}
\`\`\``,
  netbird_setup_key: `The key is told once, when it is created, and kept in the state (sensitive). An imported key has no \`key\`.`,
  netbird_custom_domain: `A service may use the domain in the same apply: refer to \`netbird_custom_domain.<name>.domain\`.`,
};

/** Every page, by its path below {@link pagesFolder}. */
export function referencePages(): Map<string, string> {
  const provider = netbirdProvider(readEnvironment({}));
  const example = (...path: string[]) => readFileSync(join(examplesFolder, ...path), "utf8");
  const pages = new Map<string, string>();
  pages.set(
    "index.md",
    referencePage({
      title: "netbird",
      kind: "Provider",
      schema: provider.schema,
      example: example("provider.tf"),
      notes: notes.provider!,
      importForms: [],
    }),
  );
  const kinds = [
    { kind: "Resource", folder: "resources", all: provider.resources },
    { kind: "Data Source", folder: "data-sources", all: provider.dataSources },
    { kind: "Ephemeral Resource", folder: "ephemeral-resources", all: provider.ephemeralResources ?? [] },
  ] as const;
  for (const { kind, folder, all } of kinds) {
    for (const one of all) {
      const { typeName, schema } = one;
      const name = typeName.replace(/^netbird_/, "");
      const content = {
        title: typeName,
        kind,
        schema,
        example: example(folder, `${name}.tf`),
        notes:
          kind === "Ephemeral Resource" ? notes.ephemeral! : (kind === "Resource" && notes[typeName]) || "",
        importForms: kind === "Resource" ? (importForms[typeName] ?? []) : [],
        importBlock:
          kind === "Resource" && "identity" in one && one.identity !== undefined
            ? importByIdentity(typeName, one.identity)
            : undefined,
      };
      pages.set(`${folder}/${name}.md`, referencePage(content));
    }
  }
  for (const { typeName, schema } of provider.listResources ?? []) {
    const content = {
      title: typeName,
      kind: "List Resource",
      schema,
      example: queryExample(typeName, schema.attributes),
      notes: notes.list!,
      importForms: [],
    } as const;
    pages.set(`list-resources/${typeName.replace(/^netbird_/, "")}.md`, referencePage(content));
  }
  for (const one of provider.functions ?? [])
    pages.set(`functions/${one.name}.md`, functionPage(one, example("functions", `${one.name}.tf`)));
  return pages;
}
