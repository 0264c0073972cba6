import { ABSENT, accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import { checkServiceTable, httpService, INVALID, layer4Service } from "../support/service-tables.ts";

// biome-ignore lint/suspicious/noExplicitAny: restrictions of many shapes
type Restrictions = Record<string, any>;

const restricts = (field: string, why: string, send: Restrictions, gives: Restrictions = send) =>
  accepts(
    `access_restrictions.${field}`,
    why,
    { access_restrictions: send },
    { access_restrictions: exactly(gives) },
  );
const absent = (field: string, why: string, send: unknown) =>
  accepts(
    `access_restrictions.${field}`,
    why,
    { access_restrictions: send },
    { access_restrictions: ABSENT },
  );
const noRestriction = (field: string, why: string, send: Restrictions, at = "") =>
  refuses(`access_restrictions.${field}${at}`, why, { access_restrictions: send }, INVALID);

function cidrs(field: "allowed_cidrs" | "blocked_cidrs"): FieldRow[] {
  const many = (count: number) => Array.from({ length: count }, (_, n) => `10.0.${n}.0/24`);
  const valid = [
    "192.0.2.0/24",
    "192.0.2.7/32",
    "0.0.0.0/0",
    "2001:db8::/32",
    "2001:DB8:0:0::/64",
    "::/0",
    "::1/128",
    "::ffff:192.0.2.0/120",
  ];
  const broken = [
    "192.0.2.1",
    "2001:db8::1",
    "192.0.2.0/33",
    "2001:db8::/129",
    "192.0.2.1/24",
    "2001:db8::1/64",
    "192.0.2.0/",
    "192.0.2.0/024",
    "192.0.2.0/+24",
    "192.0.2.0/-1",
    "192.000.2.0/24",
    "192.0.2/24",
    " 192.0.2.0/24",
    "192.0.2.0/24 ",
    "fe80::%eth0/64",
    "lan",
    "",
  ];
  return [
    ...valid.map((one) => restricts(field, one, { [field]: [one] })),
    restricts(field, "in the order of the request, also twice", {
      [field]: ["10.2.0.0/16", "10.1.0.0/16", "10.2.0.0/16"],
    }),
    restricts(field, "200 of them", { [field]: many(200) }),
    noRestriction(field, "201 of them", { [field]: many(201) }),
    ...broken.map((one) =>
      noRestriction(field, JSON.stringify(one), { [field]: ["10.0.0.0/8", one] }, "[1]"),
    ),
    absent(field, "empty is absent", { [field]: [] }),
  ];
}

function countries(field: "allowed_countries" | "blocked_countries"): FieldRow[] {
  const letters = "ABCDEFGHIJ".split("");
  const many = letters.flatMap((first) => letters.map((second) => first + second));
  return [
    restricts(field, "in the order of the request", { [field]: ["NL", "DE"] }),
    restricts(field, "in upper case", { [field]: ["de", "Nl"] }, { [field]: ["DE", "NL"] }),
    restricts(field, "a code that no country has", { [field]: ["ZZ"] }),
    restricts(field, "50 of them", { [field]: many.slice(0, 50) }),
    noRestriction(field, "51 of them", { [field]: many.slice(0, 51) }),
    ...["", "D", "DEU", "D1", "ü", " D", "D\n"].map((one) =>
      noRestriction(field, JSON.stringify(one), { [field]: ["DE", one] }, "[1]"),
    ),
    absent(field, "empty is absent", { [field]: [] }),
  ];
}

const fields = {
  access_restrictions: "object",
  "access_restrictions.allowed_cidrs": "strings",
  "access_restrictions.blocked_cidrs": "strings",
  "access_restrictions.allowed_countries": "strings",
  "access_restrictions.blocked_countries": "strings",
  "access_restrictions.crowdsec_mode": "string",
  "access_restrictions.cidr_mode": "string",
  "access_restrictions.country_mode": "string",
  "access_restrictions.request_rate": "object",
  "access_restrictions.request_rate.per_minute": "integer",
  "access_restrictions.request_rate.burst": "integer",
  "access_restrictions.request_rate.mode": "string",
} as const;

checkServiceTable({
  object: "access restrictions",
  section: "§2.6",
  body: httpService,
  fields: { post: fields, put: fields },
  rows: [
    ...cidrs("allowed_cidrs"),
    ...cidrs("blocked_cidrs"),
    ...countries("allowed_countries"),
    ...countries("blocked_countries"),
    ...["off", "enforce", "observe"].map((one) => restricts("crowdsec_mode", one, { crowdsec_mode: one })),
    ...["", "on", "Enforce"].map((one) =>
      noRestriction("crowdsec_mode", JSON.stringify(one), { crowdsec_mode: one }),
    ),
    absent("crowdsec_mode", "absent is absent", {}),
    // Ours.
    ...(["cidr_mode", "country_mode"] as const).flatMap((field) => [
      ...["enforce", "observe"].map((one) => restricts(field, one, { [field]: one })),
      ...["", "off", "Observe"].map((one) => noRestriction(field, JSON.stringify(one), { [field]: one })),
      absent(field, "absent is absent", {}),
    ]),
    ...[
      { per_minute: 1 },
      { per_minute: 1_000_000, burst: 1_000_000, mode: "observe" },
      { per_minute: 60, mode: "enforce" },
    ].map((rate) => restricts("request_rate", JSON.stringify(rate), { request_rate: rate })),
    ...[{ per_minute: 0 }, {}, { per_minute: -1 }, { per_minute: 1_000_001 }].map((rate) =>
      noRestriction("request_rate.per_minute", JSON.stringify(rate), { request_rate: rate }),
    ),
    noRestriction("request_rate.burst", "0", { request_rate: { per_minute: 1, burst: 0 } }),
    noRestriction("request_rate.mode", "off", { request_rate: { per_minute: 1, mode: "off" } }),
    absent("request_rate", "absent is absent", {}),
    accepts("access_restrictions", "absent is absent", {}, { access_restrictions: ABSENT }),
    absent("allowed_cidrs", "all empty is absent", {
      allowed_cidrs: [],
      blocked_cidrs: [],
      allowed_countries: [],
      blocked_countries: [],
    }),
    restricts(
      "allowed_cidrs",
      "empty members are left out",
      { allowed_cidrs: ["10.0.0.0/8"], blocked_cidrs: [], allowed_countries: [], crowdsec_mode: "off" },
      { allowed_cidrs: ["10.0.0.0/8"], crowdsec_mode: "off" },
    ),
    allMembers(),
  ],
});

for (const mode of ["tcp", "udp", "tls"] as const) {
  checkServiceTable({
    object: `access restrictions, ${mode}`,
    section: "§2.6",
    body: layer4Service(mode),
    fields: {},
    rows: [
      allMembers(),
      accepts("access_restrictions", "absent is absent", {}, { access_restrictions: ABSENT }),
      noRestriction("blocked_cidrs", "an address", { blocked_cidrs: ["192.0.2.1"] }, "[0]"),
      noRestriction("allowed_countries", "three letters", { allowed_countries: ["DEU"] }, "[0]"),
      noRestriction("crowdsec_mode", "empty", { crowdsec_mode: "" }),
      noRestriction("request_rate", "has no requests to count", { request_rate: { per_minute: 1 } }),
    ],
  });
}

function allMembers(): FieldRow {
  return restricts("allowed_cidrs", "all members at once", {
    allowed_cidrs: ["10.0.0.0/8"],
    blocked_cidrs: ["10.1.0.0/16"],
    allowed_countries: ["DE"],
    blocked_countries: ["NL"],
    crowdsec_mode: "observe",
    cidr_mode: "enforce",
    country_mode: "observe",
  });
}
