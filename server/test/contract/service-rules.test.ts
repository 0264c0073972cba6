import { ABSENT, accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import { checkServiceTable, httpService, INVALID, layer4Service } from "../support/service-tables.ts";

// biome-ignore lint/suspicious/noExplicitAny: rules of many shapes, wrong ones too
type Rule = Record<string, any>;

const auth = {
  password_auth: { enabled: true, password: "secret" },
  pin_auth: { enabled: false, pin: "" },
  bearer_auth: { enabled: true, distribution_groups: ["$group"] },
};
const taken = (field: string, why: string, ...rules: Rule[]): FieldRow =>
  accepts(field, why, { auth, access_rules: rules }, { access_rules: exactly(rules) });
const refused = (field: string, why: string, ...rules: Rule[]): FieldRow =>
  refuses(field, why, { auth, access_rules: rules }, INVALID);
const first = (member: string) => `access_rules[0]${member === "" ? "" : `.${member}`}`;

const fields = { access_rules: "objects" } as const;
const allow = { action: "allow" };

checkServiceTable({
  object: "access rules",
  section: "ours",
  body: httpService,
  fields: { post: fields, put: fields },
  rows: [
    accepts("access_rules", "absent is absent", {}, { access_rules: ABSENT }),
    accepts("access_rules", "none are absent", { access_rules: [] }, { access_rules: ABSENT }),
    taken(
      "access_rules",
      "in the order of the request",
      { path_prefix: "/b", action: "allow" },
      { path: "/a", action: "deny" },
      { path_prefix: "/", action: "require", require: ["sso", "password"] },
    ),
    taken("access_rules", "everything at once", {
      path_prefix: "/webhook",
      methods: ["POST", "PUT"],
      header: { name: "X-Hub-Signature", value: "sha256=äöü" },
      action: "allow",
      mode: "observe",
    }),
    taken("access_rules", "a header that only has to be there", {
      path: "/",
      header: { name: "X-Preview" },
      action: "deny",
      mode: "enforce",
    }),
    taken(
      "access_rules",
      "100 of them",
      ...Array.from({ length: 100 }, (_, n) => ({ path: `/${n}`, ...allow })),
    ),
    refused(
      "access_rules",
      "101 of them",
      ...Array.from({ length: 101 }, (_, n) => ({ path: `/${n}`, ...allow })),
    ),
    ...["/", "/a", "/a/", "/a.b/c_d-e~f", "/.well-known", "/grüße", "/a:b@c,d!e$f&g'h(i)*+="].flatMap(
      (path) => [
        taken(first("path"), path, { path, ...allow }),
        taken(first("path_prefix"), path, { path_prefix: path, ...allow }),
      ],
    ),
    ...[
      "",
      "a",
      "//a",
      "/a//b",
      "/a/../b",
      "/a/.",
      "/a./b",
      "/a%20b",
      "/a;b",
      "/a\\b",
      "/a?b",
      "/a#b",
      "/a b",
      "/a\n",
    ].flatMap((path) => [
      refused(first("path"), JSON.stringify(path), { path, ...allow }),
      refused(first("path_prefix"), JSON.stringify(path), { path_prefix: path, ...allow }),
    ]),
    refused(first("path"), "longer than 1,024 bytes", { path: `/${"a".repeat(1024)}`, ...allow }),
    refused(first(""), "neither path nor path_prefix", allow),
    refused(first(""), "both path and path_prefix", { path: "/a", path_prefix: "/a", ...allow }),
    ...["post", "PO ST", "", "P\n"].map((method) =>
      refused(first("methods[0]"), JSON.stringify(method), { path: "/a", methods: [method], ...allow }),
    ),
    refused(first("methods[1]"), "the same twice", { path: "/a", methods: ["GET", "GET"], ...allow }),
    ...["", "X Y", "X:"].map((name) =>
      refused(first("header.name"), JSON.stringify(name), { path: "/a", header: { name }, ...allow }),
    ),
    ...["", " a", "a\r\nb"].map((value) =>
      refused(first("header.value"), JSON.stringify(value), {
        path: "/a",
        header: { name: "X", value },
        ...allow,
      }),
    ),
    refused(first("require"), "nothing to require", { path: "/a", action: "require" }),
    refused(first("require"), "with another action", { path: "/a", action: "deny", require: ["sso"] }),
    refused(first("require[0]"), "a method that is switched off", {
      path: "/a",
      action: "require",
      require: ["pin"],
    }),
    refused(first("require[0]"), "a method that is not there", {
      path: "/a",
      action: "require",
      require: ["header"],
    }),
    refused(first("require[1]"), "the same twice", {
      path: "/a",
      action: "require",
      require: ["sso", "sso"],
    }),
    refused(
      "access_rules[1]",
      "a rule behind one that covers it",
      { path_prefix: "/a", ...allow },
      { path: "/a/b", action: "deny" },
    ),
    refused(
      "access_rules[1]",
      "the same rule twice",
      { path: "/a", methods: ["GET", "POST"], ...allow },
      { path: "/a/", methods: ["POST"], action: "deny" },
    ),
    taken(
      "access_rules",
      "a rule behind one that covers it only in part",
      { path_prefix: "/a", methods: ["GET"], ...allow },
      { path_prefix: "/a", header: { name: "X" }, ...allow },
      { path_prefix: "/a", ...allow, mode: "observe" },
      { path_prefix: "/a", action: "deny" },
      { path_prefix: "/ab", action: "deny" },
    ),
  ],
});

for (const mode of ["tcp", "udp", "tls"] as const) {
  checkServiceTable({
    object: `access rules, ${mode}`,
    section: "ours",
    body: layer4Service(mode),
    fields: {},
    rows: [refuses("access_rules", "there is no path", { access_rules: [{ path: "/", ...allow }] }, INVALID)],
  });
}
