import { createAuthority } from "../../../scripts/stack/local-ca.ts";
import { accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import { checkServiceTable, httpService, INVALID, layer4Service } from "../support/service-tables.ts";

// biome-ignore lint/suspicious/noExplicitAny: members of many shapes
type Change = Record<string, any>;

const auth = (member: string, why: string, send: unknown, gives: unknown = send) =>
  accepts(`auth.${member}`, why, { auth: { [member]: send } }, { auth: exactly({ [member]: gives }) });
const noAuth = (at: string, why: string, send: Change, refused: [number, string] = INVALID) =>
  refuses(`auth.${at}`, why, { auth: send }, refused);
const MISSING = [422, "service.secret_missing"] as [number, string];

/** Password and PIN differ in nothing but their names. */
function secret(member: "password_auth" | "pin_auth", name: "password" | "pin"): FieldRow[] {
  const hidden = (enabled: boolean) => ({ enabled, [name]: "" });
  const send = (value: unknown, enabled: unknown = true) => ({ enabled, [name]: value });
  return [
    auth(member, "the secret is not shown", send("0000"), hidden(true)),
    auth(member, "no rule about its length", send("x"), hidden(true)),
    auth(member, "no rule about its characters", send(" Ünï ☃ \n"), hidden(true)),
    auth(member, "longer than other systems take", send("p".repeat(5_000)), hidden(true)),
    auth(member, "disabled stays visible", send("0000", false), hidden(false)),
    auth(member, "disabled without secret", send("", false), hidden(false)),
    auth(member, "absent enabled is false", { [name]: "0000" }, hidden(false)),
    auth(member, "empty is disabled", {}, hidden(false)),
    // NetBird takes these, and then nobody can sign in.
    noAuth(`${member}.${name}`, "enabled, empty", { [member]: send("") }, MISSING),
    noAuth(`${member}.${name}`, "enabled, absent", { [member]: { enabled: true } }, MISSING),
  ];
}

const header = (change: Change = {}) => ({ enabled: true, header: "X-Key", value: "v", ...change });
const headers = (why: string, send: Change[], gives: Change[]) => auth("header_auths", why, send, gives);
const noHeader = (field: string, why: string, change: Change, refused = INVALID) =>
  noAuth(
    `header_auths[1].${field}`,
    why,
    { header_auths: [header({ header: "X-First" }), header(change)] },
    refused,
  );

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
  "host",
];

const authorityPem = (await createAuthority("Devices")).certificate;

const fields = {
  "auth.password_auth": "object",
  "auth.password_auth.enabled": "boolean",
  "auth.password_auth.password": "string",
  "auth.pin_auth": "object",
  "auth.pin_auth.enabled": "boolean",
  "auth.pin_auth.pin": "string",
  "auth.bearer_auth": "object",
  "auth.bearer_auth.enabled": "boolean",
  "auth.bearer_auth.distribution_groups": "strings",
  "auth.link_auth": "object",
  "auth.link_auth.enabled": "boolean",
  "auth.header_auths": "objects",
  "auth.token_auth": "object",
  "auth.token_auth.enabled": "boolean",
  "auth.share_link_auth": "object",
  "auth.share_link_auth.enabled": "boolean",
  "auth.client_certificate_auth": "object",
  "auth.client_certificate_auth.enabled": "boolean",
  "auth.client_certificate_auth.ca_certificates": "string",
} as const;

checkServiceTable({
  object: "authentication",
  section: "§2.5",
  body: httpService,
  fields: { post: fields, put: fields },
  rows: [
    ...secret("password_auth", "password"),
    ...secret("pin_auth", "pin"),

    auth("bearer_auth", "groups in the order of the request", {
      enabled: true,
      distribution_groups: ["$group2", "$all", "$group"],
    }),
    auth("bearer_auth", "groups while disabled", { enabled: false, distribution_groups: ["$group"] }),
    auth(
      "bearer_auth",
      "absent groups are null",
      { enabled: true },
      { enabled: true, distribution_groups: null },
    ),
    // Terraform compares what it sent with the answer; a later GET gives null, which the table looks at too.
    auth("bearer_auth", "[] comes back as it was sent", { enabled: true, distribution_groups: [] }),
    auth("bearer_auth", "empty is disabled", {}, { enabled: false, distribution_groups: null }),
    noAuth("bearer_auth.distribution_groups[1]", "an unknown id", {
      bearer_auth: { enabled: true, distribution_groups: ["$group", "no"] },
    }),

    ...[{ enabled: true }, { enabled: false }, {}].map((link) =>
      accepts(
        "auth.link_auth",
        `${JSON.stringify(link)} is accepted and dropped`,
        { auth: { link_auth: link } },
        { auth: exactly({}) },
      ),
    ),

    ...(["token_auth", "share_link_auth"] as const).flatMap((member) => [
      auth(member, "on", { enabled: true }),
      auth(member, "off", { enabled: false }),
      auth(member, "empty is off", {}, { enabled: false }),
    ]),
    auth("client_certificate_auth", "with an authority", { enabled: true, ca_certificates: authorityPem }),
    auth("client_certificate_auth", "off, and kept", { enabled: false, ca_certificates: authorityPem }),
    auth("client_certificate_auth", "empty is off", {}, { enabled: false, ca_certificates: "" }),
    noAuth("client_certificate_auth.ca_certificates", "on without an authority", {
      client_certificate_auth: { enabled: true },
    }),
    noAuth("client_certificate_auth.ca_certificates", "what is no certificate", {
      client_certificate_auth: { enabled: false, ca_certificates: "hello" },
    }),

    headers("the value is not shown", [header()], [header({ value: "" })]),
    headers(
      "several, in the order of the request",
      [header({ header: "X-B" }), header({ header: "X-A", enabled: false })],
      [header({ header: "X-B", value: "" }), header({ header: "X-A", enabled: false, value: "" })],
    ),
    headers(
      "one name twice, as it was written: any of the values lets in",
      [header(), header({ header: "x-key", value: "w" })],
      [header({ value: "" }), header({ header: "x-key", value: "" })],
    ),
    headers(
      "Authorization is allowed",
      [header({ header: "Authorization" })],
      [header({ header: "Authorization", value: "" })],
    ),
    headers("4096 bytes", [header({ value: `${"v".repeat(4094)}ü` })], [header({ value: "" })]),
    headers(
      "absent enabled is false",
      [{ header: "X-Key", value: "v" }],
      [header({ enabled: false, value: "" })],
    ),
    headers(
      "names and values of disabled ones are not looked at",
      [header({ enabled: false, header: "Host" }), { header: "no token", value: "a\nb" }, {}],
      [
        { enabled: false, header: "Host", value: "" },
        { enabled: false, header: "no token", value: "" },
        { enabled: false, header: "", value: "" },
      ],
    ),
    accepts("auth.header_auths", "empty is absent", { auth: { header_auths: [] } }, { auth: exactly({}) }),
    noHeader("header", "empty", { header: "" }),
    noHeader("header", "absent", { header: undefined }),
    noHeader("header", "no token", { header: "X Key" }),
    noHeader("header", "beyond ASCII", { header: "X-Schlüssel" }),
    ...forbidden.map((name) => noHeader("header", `${name} is not for credentials`, { header: name })),
    noHeader("value", "4097 bytes", { value: `${"v".repeat(4095)}ü` }),
    noHeader("value", "a line break", { value: "a\nb" }),
    noHeader("value", "empty", { value: "" }, MISSING),
    noHeader("value", "absent", { value: undefined }, MISSING),
    noAuth("header_auths[0].enabled", "is a boolean", { header_auths: [header({ enabled: "yes" })] }, [
      400,
      "request.malformed",
    ]),
    noAuth("header_auths[0].header", "is a string", { header_auths: [header({ header: 1 })] }, [
      400,
      "request.malformed",
    ]),
    noAuth("header_auths[0].value", "is a string", { header_auths: [header({ value: 1 })] }, [
      400,
      "request.malformed",
    ]),

    auth("identity_token", "on", true),
    accepts(
      "auth.identity_token",
      "off is absent",
      { auth: { identity_token: false } },
      { auth: exactly({}) },
    ),
    noAuth("identity_token", "is a boolean", { identity_token: "yes" }, [400, "request.malformed"]),
    auth("session_length", "the shortest", "1m", "1m0s"),
    auth("session_length", "the longest, in its canonical form", "720h", "720h0m0s"),
    noAuth("session_length", "too short", { session_length: "59s" }),
    noAuth("session_length", "too long", { session_length: "721h" }),
    noAuth("session_length", "no duration", { session_length: "a day" }),
    noAuth("session_length", "parts of a second", { session_length: "90.5s" }),
    noAuth("session_length", "negative", { session_length: "-1h" }),
    noAuth("session_length", "is a string", { session_length: 3600 }, [400, "request.malformed"]),
    auth("session_idle_time", "within the length, which is a day", "24h", "24h0m0s"),
    accepts(
      "auth.session_idle_time",
      "within a longer length",
      { auth: { session_length: "100h", session_idle_time: "50h" } },
      { auth: exactly({ session_length: "100h0m0s", session_idle_time: "50h0m0s" }) },
    ),
    noAuth("session_idle_time", "longer than a day", { session_idle_time: "25h" }),
    noAuth("session_idle_time", "longer than the length", { session_length: "1h", session_idle_time: "61m" }),
    noAuth("session_idle_time", "too short", { session_idle_time: "30s" }),

    accepts(
      "auth",
      "all members at once",
      {
        auth: {
          password_auth: { enabled: true, password: "p" },
          pin_auth: { enabled: true, pin: "1" },
          bearer_auth: { enabled: true, distribution_groups: ["$group"] },
          link_auth: { enabled: true },
          header_auths: [header()],
          unknown_auth: { enabled: true },
        },
      },
      {
        auth: exactly({
          password_auth: { enabled: true, password: "" },
          pin_auth: { enabled: true, pin: "" },
          bearer_auth: { enabled: true, distribution_groups: ["$group"] },
          header_auths: [header({ value: "" })],
        }),
      },
    ),
  ],
});

for (const mode of ["tcp", "udp", "tls"] as const) {
  checkServiceTable({
    object: `authentication, ${mode}`,
    section: "§2.5, §2.7",
    body: layer4Service(mode),
    fields: {},
    rows: [
      noAuth("password_auth", "enabled", { password_auth: { enabled: true, password: "p" } }),
      noAuth("pin_auth", "enabled", { pin_auth: { enabled: true, pin: "1" } }),
      noAuth("bearer_auth", "enabled", { bearer_auth: { enabled: true } }),
      noAuth("link_auth", "enabled", { link_auth: { enabled: true } }),
      noAuth("header_auths[0]", "enabled", { header_auths: [header()] }),
      noAuth("header_auths[0].header", "names are checked first", {
        header_auths: [header({ header: "Host" })],
      }),
      accepts(
        "auth",
        "disabled members are kept",
        {
          auth: {
            password_auth: { enabled: false, password: "p" },
            pin_auth: { enabled: false },
            bearer_auth: { enabled: false },
            link_auth: { enabled: false },
            header_auths: [header({ enabled: false })],
          },
        },
        {
          auth: exactly({
            password_auth: { enabled: false, password: "" },
            pin_auth: { enabled: false, pin: "" },
            bearer_auth: { enabled: false, distribution_groups: null },
            header_auths: [header({ enabled: false, value: "" })],
          }),
        },
      ),
      accepts("auth", "empty", { auth: {} }, { auth: exactly({}) }),
    ],
  });
}
