import { ABSENT, accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import { checkServiceTable, httpService, INVALID, layer4Service } from "../support/service-tables.ts";

// biome-ignore lint/suspicious/noExplicitAny: options of many shapes
type Options = Record<string, any>;
type Mode = "http" | "tcp" | "udp" | "tls";

const option = (field: string, why: string, send: Options, gives: Options = send) =>
  accepts(
    `targets[0].options.${field}`,
    why,
    { "targets[0]": { options: send } },
    { targets: [{ options: exactly(gives) }] },
  );
const noOption = (field: string, why: string, send: Options) =>
  refuses(`targets[0].options.${field}`, why, { "targets[0]": { options: send } }, INVALID);

const fields = {
  "targets[0].options.skip_tls_verify": "boolean",
  "targets[0].options.request_timeout": "string",
  "targets[0].options.session_idle_timeout": "string",
  "targets[0].options.path_rewrite": "string",
  "targets[0].options.custom_headers": "object",
  "targets[0].options.custom_headers.X-Test": "string",
  "targets[0].options.proxy_protocol": "boolean",
  "targets[0].options.direct_upstream": "boolean",
} as const;

for (const mode of ["http", "tcp", "udp", "tls"] as const) {
  checkServiceTable({
    object: `target options, ${mode}`,
    section: "§2.4",
    body: mode === "http" ? httpService : layer4Service(mode),
    fields: { post: fields, put: fields },
    rows: [
      ...duration(mode, "request_timeout"),
      ...duration(mode, "session_idle_timeout"),
      ...onlyIn(mode, ["http"], "skip_tls_verify", true),
      option("skip_tls_verify", "false is absent", { skip_tls_verify: false }, {}),
      ...onlyIn(mode, ["http"], "path_rewrite", "preserve"),
      option("path_rewrite", "empty is absent", { path_rewrite: "" }, {}),
      noOption("path_rewrite", "unknown", { path_rewrite: "strip" }),
      noOption("path_rewrite", "in other case", { path_rewrite: "Preserve" }),
      ...onlyIn(mode, ["http"], "custom_headers", { "X-Test": "1" }),
      option("custom_headers", "empty is absent", { custom_headers: {} }, {}),
      ...onlyIn(mode, ["tcp", "tls"], "proxy_protocol", true),
      option("proxy_protocol", "false is absent", { proxy_protocol: false }, {}),
      ...onlyIn(mode, ["http", "tcp", "udp", "tls"], "direct_upstream", true),
      option("direct_upstream", "false is absent", { direct_upstream: false }, {}),
      ...(mode === "http" ? customHeaders() : []),
    ],
  });
}

function onlyIn(mode: Mode, modes: Mode[], name: string, value: unknown): FieldRow[] {
  const send = { [name]: value };
  return [modes.includes(mode) ? option(name, "as sent", send) : noOption(name, `in ${mode} mode`, send)];
}

function duration(mode: Mode, name: string): FieldRow[] {
  // Parsed by the same code in every mode.
  if (mode !== "http") {
    return [
      option(name, "as sent", { [name]: "1m30s" }),
      option(name, "0 is absent", { [name]: "0s" }, {}),
      noOption(name, "negative", { [name]: "-1s" }),
      noOption(name, "without unit", { [name]: "30" }),
    ];
  }
  const canonical: [string, string][] = [
    ["30s", "30s"],
    ["60s", "1m0s"],
    ["2m", "2m0s"],
    ["3600s", "1h0m0s"],
    ["1.5h", "1h30m0s"],
    ["+90m", "1h30m0s"],
    ["1500ms", "1.5s"],
    ["1h2m3.5s", "1h2m3.5s"],
    ["7us", "7µs"],
    ["7µs", "7µs"],
    ["1ns", "1ns"],
    ["2562047h47m16.854775807s", "2562047h47m16.854775807s"],
  ];
  const broken = ["", " ", "30", "s", "1d", "-", "1 s", "1s ", "1e3s", "1h-1m", "2562048h", "١s", "30S"];
  return [
    ...canonical.map(([sent, shown]) =>
      option(name, `${sent} is ${shown}`, { [name]: sent }, { [name]: shown }),
    ),
    ...["0", "0s", "-0", "0h0m"].map((zero) => option(name, `${zero} is absent`, { [name]: zero }, {})),
    option(name, "absent is absent", { [name]: ABSENT }, {}),
    ...["-1s", "-1ns", "-2562047h"].map((negative) => noOption(name, negative, { [name]: negative })),
    ...broken.map((text) => noOption(name, JSON.stringify(text), { [name]: text })),
  ];
}

function customHeaders(): FieldRow[] {
  const headers = (why: string, sent: Record<string, string>) =>
    option("custom_headers", why, { custom_headers: sent });
  const noHeader = (why: string, name: string, value = "x", others = {}) =>
    refuses(
      `targets[0].options.custom_headers.${name}`,
      why,
      { "targets[0]": { options: { custom_headers: { ...others, [name]: value } } } },
      INVALID,
    );
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-H${n}`, String(n)]));
  const forbidden = [
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Host",
  ];
  return [
    headers("values in clear, names as they were written", { Authorization: "Bearer s3cret", "x-b": "2" }),
    headers("an empty value", { "X-Empty": "" }),
    headers("every character of a token", { "!#$%&'*+-.^_`|~09azAZ": "1" }),
    headers("a tab and letters beyond ASCII", { "X-Test": "a\tKüche €" }),
    headers("a name that is a word of JavaScript", { constructor: "1", toString: "2" }),
    headers("16 of them", many(16)),
    noOption("custom_headers", "17 of them", { custom_headers: many(17) }),
    headers("a name of 128 characters", { ["n".repeat(128)]: "1" }),
    noHeader("129 characters", "n".repeat(129)),
    headers("a value of 4096 bytes", { "X-Test": `${"v".repeat(4094)}ü` }),
    noHeader("a value of 4097 bytes", "X-Test", `${"v".repeat(4095)}ü`),
    noHeader("an empty name", ""),
    noHeader("a space in a name", "X Test"),
    noHeader("a colon in a name", "X-Test:"),
    noHeader("a letter beyond ASCII in a name", "X-Küche"),
    noHeader("CR in a value", "X-Test", "a\rb"),
    noHeader("LF in a value", "X-Test", "a\nb"),
    noHeader("a control character in a value", "X-Test", "a\u0001b"),
    noHeader("DEL in a value", "X-Test", "a\u007fb"),
    noHeader("one name in two spellings", "x-test", "2", { "X-Test": "1" }),
    ...forbidden.map((name) => noHeader("is not for targets", name)),
    noHeader("is not for targets, in any case", "hOST"),
  ];
}
